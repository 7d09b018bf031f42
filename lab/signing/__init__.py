"""Signers of images with their keys, certificates and authorities, and how signatures get into a registry."""
