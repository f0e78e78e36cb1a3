"""The believable shop: generated goods with drawn pictures, people, and talks that have been going on for two weeks."""

from app.demo.build import ACCOUNTS_FILE, DemoReport, NotADemo, build_demo, describe_demo
from app.demo.mark import demo_mark, is_demo
from app.demo.report import make_text

__all__ = [
    "ACCOUNTS_FILE",
    "DemoReport",
    "NotADemo",
    "build_demo",
    "demo_mark",
    "describe_demo",
    "is_demo",
    "make_text",
]
