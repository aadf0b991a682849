"""The sample platform keeps the sample catalogue's contract, scraped and pushed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import yaml

from support.servers import free_port, start_prometheus
from support.simulated import NOWHERE, SCRAPED, Sample
from support.waiting import wait_for
from tapewatch.verifying.platform import Verification, Where, verify

PUSHED = "capture-pipeline"


def clean(verification: Verification) -> Verification:
    """What came out, once nothing is wrong any more: services need a moment until each has something to tell."""
    if verification.problems:
        raise ValueError([f"{problem.code}: {problem.summary}" for problem in verification.problems])
    return verification


def test_every_scraped_service_is_clean_at_two_looks(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    loaded = sample.load()
    with sample.server(f"--push-url={NOWHERE}").start() as platform:
        once = partial(verify, loaded, Where(NOWHERE), SCRAPED)
        wait_for("every service is as declared", lambda: clean(once()), 60, platform.log_tail)
        verification = clean(once(again=1.5))

    assert [each.service for each in verification.checked] == [
        name for name in loaded.catalogue.services if name != PUSHED
    ]
    assert all(each.families == each.declared > 0 for each in verification.checked)


@pytest.mark.needs("prometheus")
def test_the_service_that_pushes_is_clean_too(tmp_path: Path) -> None:
    sample, port = Sample(tmp_path), free_port()
    loaded = sample.load()
    config = yaml.safe_dump({"otlp": {"translation_strategy": "NoTranslation"}})
    where = Where(f"http://127.0.0.1:{port}")
    with (
        start_prometheus(config, tmp_path, "--web.enable-otlp-receiver", port=port) as prometheus,
        sample.server(f"--push-url={prometheus.url}/api/v1/otlp").start() as platform,
    ):
        verification = wait_for(
            "what it pushes is as declared", lambda: clean(verify(loaded, where, [PUSHED])), 60, platform.log_tail
        )

    (checked,) = verification.checked
    assert checked.families == checked.declared > 0
