"""GraphiQL for a browser, from files of this project: the page, its assets, its demo queries."""

from edge.graphiql.assets import PREFIX, routes
from edge.graphiql.demo import DemoCustomer, Tab, demo_tabs
from edge.graphiql.page import asks_for_page, new_nonce, page, page_headers, page_response

__all__ = ["PREFIX", "DemoCustomer", "Tab", "asks_for_page", "demo_tabs", "new_nonce", "page", "page_headers", "page_response", "routes"]
