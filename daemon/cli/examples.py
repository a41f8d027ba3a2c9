"""What every `--help` ends with: commands that work as they are, the simplest first."""

from __future__ import annotations

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "strayline try": (
        "strayline try app.log",
        "strayline try /var/log/syslog /var/log/syslog.1.gz --write strayline.yaml",
        "journalctl -o short-iso | strayline try -",
        "strayline try --topic logs --bootstrap-servers kafka:9092",
        "strayline try --topic logs --config /etc/strayline/config.yaml",
        r"strayline try app.log --key 'request_id=(?P<key>\S+)' --gap 10s",
    ),
    "strayline init": (
        "strayline init --bootstrap-servers kafka:9092",
        "strayline init --bootstrap-servers kafka:9092 --topic logs --write strayline.yaml",
        "strayline init --topic logs --security protocol=SSL --security ca=/etc/kafka/ca.pem",
    ),
    "strayline run": ("strayline run", "strayline run --config /etc/strayline/config.yaml"),
    "strayline check": ("strayline check", "strayline check --config strayline.yaml --online"),
    "strayline test": ("strayline test tests.yaml", "strayline test tests.yaml --config strayline.yaml"),
    "strayline backtest": (
        "strayline backtest monday.log.zst tuesday.log.zst --out report",
        "strayline backtest --topic logs --read-from 2026-11-15T00:00Z --json",
        "strayline backtest today.log --teach lastweek.log --labels labels.csv",
    ),
    "strayline topics create": (
        "strayline topics create",
        "strayline topics create --replication 3 --input-partitions 12",
    ),
    "strayline topics delete": ("strayline topics delete",),
    "strayline tail": (
        "strayline tail",
        "strayline tail --from-beginning --scope checkout --limit 20",
        "strayline tail --json",
    ),
    "strayline console": ("strayline console",),
    "strayline notify": ("strayline notify", "strayline notify --test", "strayline notify --test --route on-call"),
    "strayline label": (
        "strayline label 8f3c2a normal",
        "strayline label 8f3c2a anomalous --note 'seen before the outage'",
    ),
    "strayline baseline inspect": (
        "strayline baseline inspect",
        "strayline baseline inspect --scope checkout --limit 0",
    ),
    "strayline baseline export": (
        "strayline baseline export baseline.zst",
        "strayline baseline export - --scope checkout",
    ),
    "strayline baseline import": (
        "strayline baseline import baseline.zst",
        "strayline baseline import report --scope-map old=new --confirmed",
    ),
    "strayline bench": ("strayline bench",),
    "strayline top": ("strayline top", "strayline top --once --scope checkout"),
    "strayline documents add": (
        "strayline documents add contract-template.docx terms/",
        "strayline documents add licences/*.txt --base licences --json",
    ),
    "strayline documents list": ("strayline documents list", "strayline documents list --base licences --json"),
    "strayline documents check": (
        "strayline documents check signed-contract.pdf",
        "strayline documents check incoming/ --base licences --json",
    ),
    "strayline documents search": ("strayline documents search 'who is liable for damages' --limit 5",),
    "strayline documents remove": ("strayline documents remove old-template.docx",),
    "strayline serve": ("strayline serve", "strayline serve --config engine.yaml --port 8000"),
    "strayline model pull": ("strayline model pull ./model --model all-MiniLM-L6-v2",),
    "strayline completion": (
        "strayline completion bash > ~/.local/share/bash-completion/completions/strayline",
        "strayline completion zsh > ~/.zfunc/_strayline",
        "strayline completion fish > ~/.config/fish/completions/strayline.fish",
    ),
}


def epilog(prog: str) -> str | None:
    """Return the examples of a verb, None for what is only a group of verbs."""
    lines = EXAMPLES.get(prog)
    return "examples:\n" + "\n".join(f"  {line}" for line in lines) if lines else None
