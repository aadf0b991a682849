"""Native units in a plan."""

from __future__ import annotations

from tapewatch.planning import compare_files

UNITS = "provisioning/systemd/etc/systemd/system"
ASK = "/bin/bash -c 'until true; do sleep 0.2; done and more of it'"


def unit(**settings: str) -> str:
    lines = "".join(f"{key}={value}\n" for key, value in settings.items())
    return f"# made\n[Service]\nExecStartPost={ASK}\n{lines}"


def told(before: dict[str, str], after: dict[str, str]) -> list[tuple[str, str, str, str]]:
    named = [{f"{UNITS}/{name}": text for name, text in files.items()} for files in (before, after)]
    changes = compare_files(*named).changes
    return [(each.kind, each.name, str(each.action), each.detail) for each in changes]


def test_units_come_and_go() -> None:
    assert told({"tapewatch-a.service": unit()}, {"tapewatch.target": "[Unit]\nWants=b\n"}) == [
        ("unit", "tapewatch-a.service", "lost", ""),
        ("unit", "tapewatch.target", "gained", ""),
    ]


def test_a_drop_in_goes_by_the_unit_that_it_belongs_to() -> None:
    after = {"md.service.d/50-tapewatch.conf": "[Service]\nMemoryMax=1\n"}

    assert told({}, after) == [("unit", "md.service (drop-in)", "gained", "")]


def test_a_setting_is_told_with_both_values_and_a_long_one_by_its_name() -> None:
    before = unit(MemoryMax="1", CPUAffinity="0")
    after = unit(MemoryMax="2").replace(ASK, f"{ASK}, changed")

    ((_, _, action, detail),) = told({"tapewatch-a.service": before}, {"tapewatch-a.service": after})

    assert (action, detail) == ("changed", "ExecStartPost, MemoryMax 1 -> 2, CPUAffinity 0 -> none")
