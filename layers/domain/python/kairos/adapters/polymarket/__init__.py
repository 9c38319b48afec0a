"""Polymarket (international CLOB): signing, catalogue, order entry and streams in our units."""
