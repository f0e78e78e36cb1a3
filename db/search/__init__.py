"""Finding products: words made comparable, an index of texts, and a shelf of filters and orders."""
