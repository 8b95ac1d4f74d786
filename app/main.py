"""What PyScript runs as `__main__`: compiled at each start, so it is short, and the rest is in the memory snapshot."""

from pyscript.js_modules import page

from app.composition import boot

await boot(page)  # type: ignore[top-level-await]  # noqa: F704, PLE1142 - PyScript runs modules with top-level await
