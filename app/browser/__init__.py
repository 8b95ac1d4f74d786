"""The only code that touches the browser: adapters of `app.core.ports`, the console, and the page."""
