"""The hot loop: feeds, the pure engine, strategies, the paper venue and the journal."""
