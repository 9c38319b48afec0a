"""Simulated venues: real servers on loopback that speak each venue's own protocols.

They share no line with the adapters they prove.
"""
