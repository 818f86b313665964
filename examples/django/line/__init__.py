"""The server half of Partyline for Django Channels: copy this folder into your project."""
