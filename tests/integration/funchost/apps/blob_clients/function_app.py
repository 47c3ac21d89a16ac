"""SDK types of azurefunctions-extensions-bindings-blob: as a trigger, and as inputs."""

import azure.functions as func
import azurefunctions.extensions.bindings.blob as blob

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
STORAGE = "AzureWebJobsStorage"


@app.blob_trigger(arg_name="note", path="%PREFIX%-notes/{name}", connection=STORAGE)
@app.blob_output(arg_name="$return", path="%PREFIX%-copies/{name}", connection=STORAGE)
def copy_note(note: blob.BlobClient) -> str:
    return f"{note.container_name}/{note.blob_name}: {note.download_blob(encoding='utf-8').readall()}"


@app.route(route="client/{name}")
@app.blob_input(arg_name="note", path="%PREFIX%-notes/{name}", connection=STORAGE)
def client(req: func.HttpRequest, note: blob.BlobClient) -> str:
    return f"{id(note)} {note.exists()}"


@app.route(route="stream/{name}")
@app.blob_input(arg_name="note", path="%PREFIX%-notes/{name}", connection=STORAGE)
async def stream(req: func.HttpRequest, note: blob.StorageStreamDownloader) -> str:
    return b"".join(note.chunks()).decode()


@app.route(route="container")
@app.blob_input(arg_name="notes", path="%PREFIX%-notes", connection=STORAGE)
def container(req: func.HttpRequest, notes: blob.ContainerClient) -> str:
    return " ".join(notes.list_blob_names())


@app.route(route="unset")
@app.blob_input(arg_name="note", path="notes/x", connection="NOT_SET")
def unset(req: func.HttpRequest, note: blob.BlobClient) -> str:
    return ""


@app.route(route="stray")
@app.table_input(arg_name="rows", table_name="rows", connection=STORAGE)
def stray(req: func.HttpRequest, rows: blob.BlobClient) -> str:
    return ""
