"""The storage host: serves files to whoever holds a signed link, and to nobody who brings credentials."""

from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from transload_sandbox.kickserv.downloads import Download, Downloads
from transload_sandbox.kickserv.wire import DECLARATION


def build_storage(downloads: Downloads) -> Starlette:
    """Return the application of the storage host."""

    async def answer(request: Request) -> Response:
        if "authorization" in request.headers:
            return _refuse(400, "InvalidArgument", "Only one auth mechanism allowed")
        ident = int(request.path_params["ident"])
        query = request.query_params
        if not downloads.is_valid(ident, query.get("expires", ""), query.get("signature", "")):
            return _refuse(403, "AccessDenied", "Request has expired or its signature does not match")
        found = downloads.file(ident)
        if found is None:
            return _refuse(404, "NoSuchKey", "The specified key does not exist.")
        return send_file(found)

    return Starlette(routes=[Route("/{account}/{ident:int}/{name:path}", answer, methods=["GET", "HEAD"])])


def send_file(file: Download) -> Response:
    """Return the answer that holds a file."""
    name = quote(file.file_name, safe="")
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{name}", "content-type": file.content_type}
    return Response(file.content, headers=headers)


def _refuse(status: int, code: str, message: str) -> Response:
    body = f"{DECLARATION}<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Response(body, status, media_type="application/xml")
