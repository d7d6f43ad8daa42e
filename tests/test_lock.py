"""One run per folder; the lock of a dead process is taken over (FAULTS 65)."""

from __future__ import annotations

import json
import os
import socket

import psutil
import pytest

from imgpipe.errors import LockedError, OutputError
from imgpipe.lock import locked, refuse_if_held


def holder(**changed: object) -> str:
    mine = {"pid": os.getpid(), "host": socket.gethostname(), "born": psutil.Process().create_time()}
    return json.dumps(mine | changed)


def dead_pid() -> int:
    return next(pid for pid in range(300_000, 400_000) if not psutil.pid_exists(pid))


def test_row_65_the_second_run_is_told_process_and_host(tmp_path):
    with locked(tmp_path):
        assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()
        with pytest.raises(LockedError, match=rf"process {os.getpid()} on {socket.gethostname()}"), locked(tmp_path):
            pass
        assert (tmp_path / ".lock").exists()
    assert not (tmp_path / ".lock").exists()


@pytest.mark.parametrize("stale", ["dead", "number in use again"])
def test_row_65_a_stale_lock_is_taken_over(tmp_path, stale):
    (tmp_path / ".lock").write_text(holder(pid=dead_pid()) if stale == "dead" else holder(born=1.0))
    with locked(tmp_path):
        assert json.loads((tmp_path / ".lock").read_text()) == json.loads(holder())


@pytest.mark.parametrize("text", ["", "{}", "[]", "garbage", '{"pid": "x", "host": 1, "born": 0}'])
def test_row_65_an_unreadable_lock_is_respected(tmp_path, text):
    (tmp_path / ".lock").write_text(text)
    with pytest.raises(LockedError, match=r"delete .lock"), locked(tmp_path):
        pass


def test_row_65_a_lock_of_another_host_is_respected(tmp_path):
    (tmp_path / ".lock").write_text(holder(host="elsewhere", pid=dead_pid()))
    with pytest.raises(LockedError, match="on elsewhere"):
        refuse_if_held(tmp_path)


def test_the_lock_goes_when_the_work_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        raise ZeroDivisionError
    assert not (tmp_path / ".lock").exists()


def test_a_folder_that_is_a_file_is_an_output_error(tmp_path):
    (tmp_path / "file").write_text("")
    refuse_if_held(tmp_path / "file")
    with pytest.raises(OutputError), locked(tmp_path / "file"):
        pass
