"""Profile v1: the event engine of the reference system, defects included, to compare against.

Nothing here is how a contract should be priced or a risk taken. Each module says which known
defects (D1, D2, …: the reference's own numbering) it reproduces on purpose. It exists so that a
better profile can be run next to it on the same inputs and every difference be explained, and so
that `kairos parity` can prove that the comparison is against the real thing. An import contract
keeps it away from everything else. Prices are float cents and times integer seconds, because the
profile's results depend on both.
"""
