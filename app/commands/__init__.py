"""The socket's face of the services. Importing the package registers all commands."""

from app.commands import chats, connect, inbox, store
from app.commands.registry import COMMANDS, Parts, explain, make_dispatch

__all__ = ["COMMANDS", "Parts", "chats", "connect", "explain", "inbox", "make_dispatch", "store"]
