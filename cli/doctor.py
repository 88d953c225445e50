"""masa-doctor: which parts of the installation work, and how to fix the others."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click
from rich.table import Table

from masa_data.doctor import Finding, estimator_works, examine
from masa_data.version import VERSION

from .console import CONTEXT, EXIT_SOME_FAILED, Command, errors_in_one_line, make_console, print_json


@click.command(cls=Command, context_settings=CONTEXT)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.version_option(VERSION)
def main(as_json: bool) -> None:
    """Check the installation. For each part that does not work, print the command that fixes it.

    Exit code 0: an estimator works; 3: no estimator works.
    """
    console = make_console()
    with errors_in_one_line("masa-doctor"):
        findings = examine()
        works = estimator_works(findings)
        if as_json:
            facts = {"estimator_works": works, "findings": [asdict(finding) for finding in findings]}
            print_json(console, facts)
        else:
            console.print(_table(findings))
            for finding in findings:
                if finding.mend:
                    console.print(f"{finding.part}: {finding.mend}")
            console.print("An estimator works." if works else "No estimator works: fix one of the above.")
    sys.exit(0 if works else EXIT_SOME_FAILED)


def _table(findings: list[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in findings:
        table.add_row(finding.state, finding.part, finding.text)
    return table
