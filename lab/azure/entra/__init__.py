"""Entra ID: the token service, and the directory with Microsoft Graph in front of it."""
