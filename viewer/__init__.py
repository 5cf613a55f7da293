"""The pages that people see, the bundled viewer, and the API that does what the pages do.

May import: cases, accounts, store; Flask and its extensions. The browser's side of it is
TypeScript in `viewer/client`, built by Vite into `viewer/static/dist`.

Entry points: `install(app, pages)` puts everything on a Flask application whose SECRET_KEY is
set; `Pages` says what the pages work on; `create_blueprint` is the pages alone, for an
application that signs people in by itself; `signed_in_account()` tells, during a request, whose
session it is. The pages run under the content policy `default-src 'self'; script-src 'self'
'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:`.
"""

from viewer.blueprint import Pages, create_blueprint
from viewer.wiring import install, signed_in_account

__all__ = ["Pages", "create_blueprint", "install", "signed_in_account"]
