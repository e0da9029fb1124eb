"""The same small company in folders, in S3 (moto) and in Azure Blob Storage (Azurite): the same marts, one way of telling.

Both services run on free ports of loopback for as long as this takes. What they hold is read by their makers' own clients,
so that nothing of the program's vouches for itself.
"""

import argparse
import contextlib
import io
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import boto3
import pyarrow.parquet
from azure.storage.blob import BlobServiceClient

DATE = "2026-11-22"
NOW = "2026-11-22T22:30:00Z"
BUCKET = "company"
# The account that every Azurite has, as its documentation gives it.
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
# Tells of deliveries, whose times are those of each store.
NOT_COMPARED = {"files"}
# What a run always asks, whatever it takes in: listings, the chain, the lease, its mails.
REQUESTS_ALWAYS = 80
PROJECT = pathlib.Path(__file__).resolve().parents[2]


class S3:
    """A bucket, through Amazon's client."""

    url = f"s3://{BUCKET}"

    def __init__(self, port):
        self.endpoint = f"http://127.0.0.1:{port}"
        keys = {"aws_access_key_id": "tributary", "aws_secret_access_key": "tributary-secret", "region_name": "us-east-1"}
        self.client = boto3.client("s3", endpoint_url=self.endpoint, **keys)

    def environment(self):
        return {
            "AWS_ENDPOINT": self.endpoint, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "tributary", "AWS_SECRET_ACCESS_KEY": "tributary-secret",
        }  # fmt: skip

    def begin(self):
        self.client.create_bucket(Bucket=BUCKET)

    def put(self, key, body):
        self.client.put_object(Bucket=BUCKET, Key=key, Body=body)

    def get(self, key):
        return self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def objects(self):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return {found["Key"]: found["ETag"] for page in pages for found in page.get("Contents", [])}


class Azure:
    """A container, through Microsoft's client."""

    url = f"az://{BUCKET}"

    def __init__(self, port):
        self.endpoint = f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}"
        self.service = BlobServiceClient(account_url=self.endpoint, credential=AZURE_KEY)
        self.container = self.service.get_container_client(BUCKET)

    def environment(self):
        return {
            "AZURE_STORAGE_ENDPOINT": self.endpoint, "AZURE_ALLOW_HTTP": "true",
            "AZURE_STORAGE_ACCOUNT_NAME": AZURE_ACCOUNT, "AZURE_STORAGE_ACCOUNT_KEY": AZURE_KEY,
        }  # fmt: skip

    def begin(self):
        self.container.create_container()

    def put(self, key, body):
        self.container.upload_blob(key, body)

    def get(self, key):
        return self.container.download_blob(key).readall()

    def objects(self):
        return {found.name: found.etag for found in self.container.list_blobs()}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def service(command, port, log):
    """A server that listens on a port, ended with the block."""
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        for _ in range(600):
            if process.poll() is not None:
                sys.exit(f"{command[0]} ended with {process.returncode} before it listened")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        else:
            sys.exit(f"{command[0]} did not listen on port {port} within a minute")
        yield
    finally:
        # Nothing that they hold is wanted any more, and Azurite waits for connections that clients keep.
        process.kill()
        process.wait(timeout=30)


class Company:
    """The company over one kind of store."""

    def __init__(self, binary, folder, store=None):
        self.binary, self.folder, self.store = binary, folder, store

    def settings(self):
        path = self.folder / "config.toml"
        text = path.read_text(encoding="utf-8")
        places = {"inbox": "inbox", "lake": "out/lake", "marts": "out/marts"}
        for name, place in places.items():
            if self.store:
                text = text.replace(f'{name} = "{place}"', f'{name} = "{self.store.url}/{name}"')
        text = text.replace('sql = "sql"', f'sql = "{PROJECT}/fixtures/small/sql"')
        text = text.replace("settle_seconds = 10", "settle_seconds = 0")
        path.write_text(text, encoding="utf-8")

    def deliver(self):
        inbox = self.folder / "inbox"
        for path in sorted(path for path in inbox.rglob("*") if path.is_file()):
            self.store.put(f"inbox/{path.relative_to(inbox).as_posix()}", path.read_bytes())
        shutil.rmtree(inbox)

    def tributary(self, *words, codes=(0,)):
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        environment |= {"TRIBUTARY_NOW": NOW, "NO_COLOR": "1"} | (self.store.environment() if self.store else {})
        command = [self.binary, "--config", self.folder / "config.toml", *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        if done.returncode not in codes:
            sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def objects(self):
        """Names and marks of everything that a run writes, but for the lease, which says who is at work."""
        if self.store:
            all_of_it = self.store.objects()
        else:
            out = self.folder / "out"
            found = ((path.relative_to(out).as_posix(), path) for path in out.rglob("*") if path.is_file())
            all_of_it = {name: path.read_bytes() for name, path in found}
        return {name: mark for name, mark in all_of_it.items() if "/state/lease/" not in name}

    def marts(self):
        """What readers open: name and table of each file in latest/."""
        names = [name for name in self.objects() if name.startswith("marts/latest/") and name.endswith(".parquet")]
        read = self.store.get if self.store else lambda name: (self.folder / "out" / name).read_bytes()
        return {name: pyarrow.parquet.read_table(io.BytesIO(read(name))) for name in sorted(names)}


def night(company):
    """One night, what the run says of itself, and that the same night once more writes nothing."""
    checked = company.tributary("doctor")
    assert "conditional writes hold" in checked, checked
    assert not [name for name in company.objects() if "probe" in name], "a probe leaves nothing behind"
    company.tributary("run", "nightly", "--date", DATE, codes=(0, 1))
    run = json.loads(company.tributary("--output", "json", "show", "last"))["run"]
    before = company.objects()
    company.tributary("run", "nightly", "--date", DATE, codes=(0, 1))
    assert company.objects() == before, "the same night again changes nothing"
    return run


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--binary", type=pathlib.Path, required=True)
    arguments.add_argument("--azurite", type=pathlib.Path, required=True)
    arguments = arguments.parse_args()
    binary = arguments.binary.resolve()
    with tempfile.TemporaryDirectory() as work, contextlib.ExitStack() as services:
        work = pathlib.Path(work)
        subprocess.run(
            [binary, "demo", work / "folder", "--partners", "17", "--days", "3", "--rows-per-day", "20"],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        for kind in ("s3", "azure"):
            shutil.copytree(work / "folder", work / kind)
        s3, azure = free_port(), free_port()
        moto = [pathlib.Path(sys.executable).parent / "moto_server", "-H", "127.0.0.1", "-p", str(s3)]
        azurite = ["node", arguments.azurite, "--silent", "--inMemoryPersistence", "--skipApiVersionCheck"]
        azurite += ["--blobHost", "127.0.0.1", "--blobPort", str(azure)]
        for name, command, port in (("moto", moto, s3), ("azurite", azurite, azure)):
            log = services.enter_context(open(work / f"{name}.log", "wb"))
            services.enter_context(service(command, port, log))
        companies = {
            "folders": Company(binary, work / "folder"),
            "moto": Company(binary, work / "s3", S3(s3)),
            "Azurite": Company(binary, work / "azure", Azure(azure)),
        }
        expected = None
        for name, company in companies.items():
            company.settings()
            if company.store:
                company.store.begin()
                company.deliver()
            began = time.monotonic()
            run = night(company)
            marts = company.marts()
            expected = expected or (run, marts)
            for fact in ("files", "rows_read", "rows_clean", "rows_rejected", "partitions_built", "alerts", "mails"):
                assert run[fact] == expected[0][fact], f"{name}: {fact} is {run[fact]}, in folders {expected[0][fact]}"
            assert run["files"] > 50 and run["rows_clean"] > 500, run
            assert list(marts) == list(expected[1]), f"{name}: {list(marts)}"
            for mart, table in marts.items():
                if pathlib.PurePosixPath(mart).stem not in NOT_COMPARED:
                    assert table.num_rows and table.equals(expected[1][mart]), f"{name}: {mart} is not that of folders"
            requests, allowed = run["store_requests"], 3 * run["files"] + 2 * run["partitions_built"] + REQUESTS_ALWAYS
            assert (0 < requests <= allowed) if company.store else requests == 0, f"{name}: {requests} of {allowed}"
            took = time.monotonic() - began
            print(f"{name}: {run['files']} files, {len(marts)} marts alike, {requests} requests, {took:.0f} s")
    print(f"{len(companies)} passed, 0 failed")


if __name__ == "__main__":
    main()
