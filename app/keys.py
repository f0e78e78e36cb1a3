"""Typed keys of what hangs on the application."""

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:  # the keys need only the names; importing the parts here would be a circle
    from app.clock import Clock
    from app.images import ImageStore
    from app.services.announcements import AnnouncementService
    from app.services.boundaries import Boundaries
    from app.services.carts import CartService
    from app.services.catalogue import CatalogueService
    from app.services.chat_reader import ChatReader
    from app.services.chats import ChatService
    from app.services.comments import CommentService
    from app.services.credentials import CredentialService
    from app.services.customers import CustomerService
    from app.services.finding import FindingService
    from app.services.history import HistoryService
    from app.services.names import NameBook
    from app.services.orders import OrderService
    from app.services.prices import PriceService
    from app.services.pricing import PriceBook
    from app.services.product_editor import ProductEditor
    from app.services.product_images import ProductImages
    from app.services.products import ProductService
    from app.services.promotions import PromotionService
    from app.services.staff import StaffService
    from app.services.stats import StatsService
    from app.services.stock import StockService
    from app.services.uploads import UploadService
    from app.services.users import UsersService
    from app.sessions import SessionStore
    from app.settings import Settings
    from db.database import Databases
    from ws.hub import Hub

SETTINGS: web.AppKey["Settings"] = web.AppKey("settings")
CLOCK: web.AppKey["Clock"] = web.AppKey("clock")
DATABASES: web.AppKey["Databases"] = web.AppKey("databases")
HUB: web.AppKey["Hub"] = web.AppKey("hub")
SESSIONS: web.AppKey["SessionStore"] = web.AppKey("sessions")
NAMES: web.AppKey["NameBook"] = web.AppKey("names")
USERS: web.AppKey["UsersService"] = web.AppKey("users")
STAFF: web.AppKey["StaffService"] = web.AppKey("staff")
IMAGES: web.AppKey["ImageStore"] = web.AppKey("images")
BOUNDARIES: web.AppKey["Boundaries"] = web.AppKey("boundaries")
PRICES: web.AppKey["PriceBook"] = web.AppKey("prices")
PRICE_LIST: web.AppKey["PriceService"] = web.AppKey("price_list")
PROMOTIONS: web.AppKey["PromotionService"] = web.AppKey("promotions")
ANNOUNCEMENTS: web.AppKey["AnnouncementService"] = web.AppKey("announcements")
PRODUCTS: web.AppKey["ProductService"] = web.AppKey("products")
FINDING: web.AppKey["FindingService"] = web.AppKey("finding")
CARTS: web.AppKey["CartService"] = web.AppKey("carts")
COMMENTS: web.AppKey["CommentService"] = web.AppKey("comments")
UPLOADS: web.AppKey["UploadService"] = web.AppKey("uploads")
CATALOGUE: web.AppKey["CatalogueService"] = web.AppKey("catalogue")
EDITOR: web.AppKey["ProductEditor"] = web.AppKey("editor")
PRODUCT_IMAGES: web.AppKey["ProductImages"] = web.AppKey("product_images")
STOCK: web.AppKey["StockService"] = web.AppKey("stock")
ORDERS: web.AppKey["OrderService"] = web.AppKey("orders")
CHATS: web.AppKey["ChatService"] = web.AppKey("chats")
READER: web.AppKey["ChatReader"] = web.AppKey("reader")
CREDENTIALS: web.AppKey["CredentialService"] = web.AppKey("credentials")
CUSTOMERS: web.AppKey["CustomerService"] = web.AppKey("customers")
HISTORY: web.AppKey["HistoryService"] = web.AppKey("history")
STATS: web.AppKey["StatsService"] = web.AppKey("stats")
