"""What hosts, their services and network devices log."""

from __future__ import annotations

from tests.discovery.systems.story import Step, System, as_json, system

_SSH = """
    - Connection from {ip} port {port} on 10.0.0.4 port 22
    - Accepted publickey for {user} from {ip} port {port} ssh2: ED25519 SHA256:q5zQ
    - pam_unix(sshd:session): session opened for user {user}(uid={n}) by (uid=0)
    - pam_unix(sshd:session): session closed for user {user}
"""
_SSH_FAILS = "- fatal: mm_request_send: write: Broken pipe"
_PROCESS = r"/\d+$|\[\d+\]$|^\d{5}$|:\d{5}$|^\d{5}$"
_CHAIN = "IN=eth0 OUT= MAC=02:42:ac:11:00:02:02:42:5c:ce:a1:0b:08:00 SRC={ip} DST=10.0.0.4 LEN=60 TOS=0x00 TTL=63 ID={n} PROTO=TCP SPT={port}"
_ADDRESS = r"^10\.20(\.\d+){2}$|^\d{5}$"


def _journal(x: Step) -> str:
    return as_json(
        __CURSOR=f"s=1;i={x.n:x}", __REALTIME_TIMESTAMP=str(int(x.when.timestamp() * 1e6)), _HOSTNAME="web1", PRIORITY="6",
        SYSLOG_IDENTIFIER="sshd", _PID=str(x.pid), _SYSTEMD_UNIT="ssh.service", MESSAGE=x.text,
        _SYSTEMD_INVOCATION_ID=x.id * 2,
    )  # fmt: skip


def _export(x: Step) -> str:
    return (
        f"__CURSOR=s=1;i={x.n:x}\n__REALTIME_TIMESTAMP={int(x.when.timestamp() * 1e6)}\n_HOSTNAME=web1\nPRIORITY=6\n"
        f"SYSLOG_IDENTIFIER=sshd\n_PID={x.pid}\n_SYSTEMD_UNIT=ssh.service\n_SYSTEMD_INVOCATION_ID={x.id * 2}\nMESSAGE={x.text}\n"
    )


def _postfix(x: Step) -> str:
    program, _, text = x.text.partition("|")
    return f"{x.when:%b %e %H:%M:%S} mx1 postfix/{program}[{2000 + x.at}]: {x.id[:10].upper()}: {text}"


def _audit(x: Step) -> str:
    return f"type={x.level} msg=audit({int(x.when.timestamp())}.{x.ms}:{x.work + 4000}): {x.text}"


HOSTS: dict[str, System] = {
    "systemd short": system(
        lambda x: f"{x.when:%b %d %H:%M:%S} web1 sshd[{x.pid}]: {x.text}",
        _SSH,
        _SSH_FAILS,
        _PROCESS,
        services="sshd",
        format="syslog",
        start="-11-22T18:01:20",
    ),
    "systemd short-precise": system(
        lambda x: f"{x.when:%b %d %H:%M:%S.%f} web1 sshd[{x.pid}]: {x.text}",
        _SSH,
        _SSH_FAILS,
        _PROCESS,
        services="sshd",
        format="syslog",
        start="-11-22T18:01:20.25",
    ),
    "systemd short-full": system(
        lambda x: f"{x.when:%a %Y-%m-%d %H:%M:%S} UTC web1 sshd[{x.pid}]: {x.text}",
        _SSH,
        _SSH_FAILS,
        _PROCESS,
        services="sshd",
        format="syslog",
    ),
    "systemd short-iso": system(
        lambda x: f"{x.when:%Y-%m-%dT%H:%M:%S}+00:00 web1 sshd[{x.pid}]: {x.text}",
        _SSH,
        _SSH_FAILS,
        _PROCESS,
        services="sshd",
        format="syslog",
    ),
    "systemd short-unix": system(
        lambda x: f"{x.when.timestamp():.6f} web1 sshd[{x.pid}]: {x.text}",
        _SSH,
        _SSH_FAILS,
        _PROCESS,
        services="sshd",
        format="syslog",
    ),
    "systemd json": system(
        _journal, _SSH, _SSH_FAILS, "^[0-9a-f]{32}$", "info", services="ssh.service", format="journald"
    ),
    "systemd export": system(
        _export, _SSH, _SSH_FAILS, "^[0-9a-f]{32}$", "info", services="ssh.service", format="journald"
    ),
    "rfc 5424": system(
        lambda x: f'<86>1 {x.iso} web1 sshd {x.pid} - [origin@32473 ip="{x.ip}"] {x.text}',
        _SSH,
        _SSH_FAILS,
        _PROCESS,
        "info",
        services="sshd",
        format="syslog",
    ),
    "auditd": system(
        _audit,
        """
        SYSCALL arch=c000003e syscall=59 success=yes exit=0 a0=55d ppid=1 pid={pid} auid=1000 uid=0 comm="cron" exe="/usr/sbin/cron" key=(null)
        EXECVE argc=2 a0="run-parts" a1="/etc/cron.hourly"
        CWD cwd="/"
        PATH item=0 name="/usr/bin/run-parts" inode={n} dev=fd:01 mode=0100755 ouid=0 ogid=0 nametype=NORMAL
        PROCTITLE proctitle=72756E2D7061727473
        """,
        'ANOM_ABEND auid=1000 uid=0 pid={pid} comm="cron" exe="/usr/sbin/cron" sig=11 res=1',
        r"^4\d{3}$|:4\d{3}|^\d{5}$",
        kind="auditd's log",
    ),
    "postfix": system(
        _postfix,
        """
        - smtpd|client=host{n}.example[{ip}]
        - cleanup|message-id=<{n}@shop.example>
        - qmgr|from=<{user}@shop.example>, size={n}, nrcpt=1 (queue active)
        - smtp|to=<{user}@example.org>, relay=mx.example.org[192.0.2.7]:25, delay=1.2, dsn=2.0.0, status=sent (250 OK)
        - qmgr|removed
        """,
        "- bounce|sender non-delivery notification: mailbox is unavailable",
        r"^[0-9A-F]{10}$",
        services="postfix/smtpd postfix/cleanup postfix/qmgr postfix/smtp postfix/bounce",
        format="syslog",
        start="-11-22T18:01:20",
    ),
    "dnsmasq": system(
        lambda x: f"{x.when:%b %e %H:%M:%S} dnsmasq[411]: {x.work + 70} {x.ip}/{x.port} {x.text}",
        """
        - query[A] host{n}.example.org from {ip}
        - forwarded host{n}.example.org to 192.0.2.53
        - reply host{n}.example.org is 192.0.2.{work}
        """,
        "- failed to send packet: Network is unreachable",
        r"^\d{2,3}$|^10\.20\.|/\d{5}$",
        services="dnsmasq",
        format="syslog",
        start="-11-22T18:01:20",
    ),
    "samba": system(
        lambda x: (
            f"[{x.when:%Y/%m/%d %H:%M:%S.%f},  {x.level}, pid={x.pid}] ../../source3/smbd/service.c:{1100 + x.at}(make_connection)\n  {x.text}"
        ),
        """
        3 check_ntlm_password: authentication for user [{user}] -> [{user}] succeeded
        1 {host} (ipv4:{ip}:{port}) connect to service share as user {user}
        1 {host} (ipv4:{ip}:{port}) closed connection to service share
        """,
        "0 PANIC: internal error: Signal 11",
        r"^\d{5}$|:\d{5}$",
        window=True,
        kind="Samba's log",
    ),
    "iptables": system(
        lambda x: f"{x.when:%b %e %H:%M:%S} fw1 kernel: [{x.work * 2 + 8100}.{x.n:06}] {x.text}",
        f"""
        - [UFW AUDIT] {_CHAIN} DPT=443 SYN URGP=0
        - [UFW ALLOW] {_CHAIN} DPT=443 ACK URGP=0
        - [UFW AUDIT] {_CHAIN} DPT=443 ACK FIN URGP=0
        """,
        f"- [UFW BLOCK] {_CHAIN} DPT=23 SYN URGP=0",
        _ADDRESS,
        services="kernel",
        format="syslog",
        start="-11-22T18:01:20",
    ),
    "cron": system(
        lambda x: f"{x.when:%b %e %H:%M:%S} web1 CRON[{x.pid}]: {x.text}",
        """
        - pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)
        - (root) CMD (/usr/local/bin/rotate --day {n})
        - pam_unix(cron:session): session closed for user root
        """,
        "- (root) MAIL (mailed {n} bytes of output but got status 0x004b)",
        r"/\d{5}$",
        services="CRON",
        format="syslog",
        start="-11-22T18:01:20",
    ),
    "cisco ios": system(
        lambda x: f"<189>{x.work + 45}: {x.host}: {x.when:%b %e %H:%M:%S}.{x.ms}: %{x.text}",
        """
        - LINEPROTO-5-UPDOWN: Line protocol on Interface GigabitEthernet0/{n}, changed state to down
        - LINK-3-UPDOWN: Interface GigabitEthernet0/{n}, changed state to up
        - SYS-5-CONFIG_I: Configured from console by {user} on vty0 ({ip})
        """,
        "- SYS-2-MALLOCFAIL: Memory allocation of {n} bytes failed",
        r"^node\d\d$",
        "notice",
        format="syslog",
        start="-11-22T18:01:20.25",
        window=True,
    ),
    "cisco asa": system(
        lambda x: f"<166>{x.when:%b %d %Y %H:%M:%S} fw1 : %ASA-6-{x.text}",
        """
        - 302013: Built inbound TCP connection {work}7 for outside:{ip}/{port} ({ip}/{port}) to inside:10.0.0.4/443 (10.0.0.4/443)
        - 305011: Built dynamic TCP translation from inside:{ip}/{port} to outside:192.0.2.9/{port}
        - 302014: Teardown TCP connection {work}7 for outside:{ip}/{port} to inside:10.0.0.4/443 duration 0:00:30 bytes {n} TCP FINs
        """,
        "- 106023: Deny tcp src outside:{ip}/{port} dst inside:10.0.0.4/23 by access-group outside_in",
        r"^10\.20(\.\d+){2}|^\d+7$",
        "info",
        format="syslog",
    ),
    "juniper": system(
        lambda x: f"<14>1 {x.iso} srx1 RT_FLOW - {x.text}",
        """
        - RT_FLOW_SESSION_CREATE [junos@2636.1.1.1.2.129 source-address="{ip}" source-port="{port}" destination-port="443" session-id-32="{pid}"] session created {ip}/{port}->10.0.0.4/443
        - RT_FLOW_SESSION_CLOSE [junos@2636.1.1.1.2.129 reason="TCP FIN" source-address="{ip}" source-port="{port}" session-id-32="{pid}"] session closed TCP FIN: {ip}/{port}->10.0.0.4/443
        """,
        '- RT_FLOW_SESSION_DENY [junos@2636.1.1.1.2.129 source-address="{ip}" source-port="{port}" destination-port="23"] session denied {ip}/{port}->10.0.0.4/23',
        r"^10\.20(\.\d+){2}|^\d{5}$",
        "info",
        services="RT_FLOW",
        format="syslog",
    ),
    "fortigate": system(
        lambda x: (
            f'date={x.when:%Y-%m-%d} time={x.when:%H:%M:%S} devname="fw1" logid="0000000013" type="traffic" level="{x.level}" '
            f"srcip={x.ip} srcport={x.port} dstip=10.0.0.4 dstport=443 sessionid={x.pid} {x.text}"
        ),
        """
        notice action="start" policyid=7 sentbyte={n}
        notice action="close" policyid=7 sentbyte={n} rcvdbyte={n}
        """,
        'warning action="deny" policyid=0 msg="denied by forward policy check"',
        r"^10\.20\.|^\d{5}$",
        "notice warning",
        kind="logfmt",
    ),
}
