"""One package per venue, all with the same file set; only `kairos.bootstrap` imports them."""
