"""The hints: literals that pick the lines that go through `secret_rules`. A search for all of them is cheap."""

from __future__ import annotations

from daemon.core.masking.rare_names import RARE_NAME_HINTS
from daemon.core.masking.token_forms import MORE_VENDORS, TOKEN_HINTS
from daemon.core.masking.vendor_rules import DASHED_PREFIXES, PLAIN_PREFIXES, VENDORS


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text: a long list of literals is easier to read as one text."""
    return tuple(text.split())


_CODE_HINTS = tuple(
    f"{kind}{between}code"
    for kind in words(
        "verification confirmation security login sign-in access auth authentication recovery backup activation"
        " pairing unlock door alarm"
    )
    for between in ("", " ", "_", "-", " pass")
)
RARE_HINTS: tuple[str, ...] = (
    *RARE_NAME_HINTS,
    *(f"{word} {digit} " for word in ("password", "secret", "key-string") for digit in "0456789"),
    *(
        f"{word}({sign}"
        for word in ("key", "token", "secret", "word", "string", "credential")
        for sign in ("\\", '"', "'")
    ),
    *(
        f"{word} {quote}"
        for word in ("word", "passwd", "phrase", "passcode")
        for quote in ("'", '"', "`", "“", "«", "「")
    ),
    *(f':{word} "' for word in ("password", "secret", "token", "api-key")),
    *("word is gen", "word to pro", "word di ", "word de ", "word for the", "word was gen", "changed from"),
    *("is your", "as your", "your code", "code: ", "code is ", "scratch code", "recovery code", "backup code"),
    *(
        "code de vé",
        "code de sé",
        "code de confir",
        "código de ",
        "codice di ",
        "код ",
        "校验码",
        "認証コード",
        "確認コード",
    ),
    *("pin lautet", "pin est", "pin es", "pin ist", "tan:", "tan ist", "tan lautet", "senha ", "heslo "),
    *("login:", "login=", "login ", "logon", "credentials:", "credentials ", "creds:", "creds "),
    *("snmp", " -p ", " -w ", " --auth", " -a ", "rabbitmqctl", "htpasswd", "echo ", "kinit", 'send "', "send -- "),
    *(
        "securestring",
        ": env ",
        ": arg ",
        "setx",
        "setenv",
        "set -x ",
        "set -gx ",
        "radius",
        "tacacs",
        "useradd",
        "usermod",
    ),
    *("encrypted-pass", "pdo->", "mysqli", "net user", "thin:", "sqlplus", "exp ", "expdp", "imp ", "impdp"),
    *("rman target", "::add-mask", "authident", "auth_ident", "userpwd", 'psk "', 'xauth "', 'eap "'),
    *(
        "psk 0",
        "user.info",
        "userinfo",
        "user_info",
        "user-info",
        "basic.auth",
        "basic_auth",
        "basicauth",
        "basic-auth",
    ),
    *("@tcp(", "@udp(", "@unix(", "pgp_sym", "aes_encrypt", "aes_decrypt", "hmac(", "crypt(", "sp_addlogin"),
    *(
        "sp_password",
        "mc alias",
        "ssh-keygen",
        "openssl",
        " /rp ",
        " --user",
        " -u ",
        "]:587 ",
        "]:465 ",
    ),
    *(
        "]:25 ",
        "client_send",
        "wifi:",
        "signature",
        "hmac",
        "sig:",
        "sig=",
        'sig"',
    ),
    *(
        "chpasswd",
        "auth ",
        "user_code",
        "device_code",
        "usercode",
        "devicecode",
        "invite_code",
        "voucher",
        "kode ",
        "mã ",
        "kodu",
        "weryfikacyjny",
        "verificatiecode",
        "verifieringskod",
        *(f"{before}{name}" for before in "&?, " for name in ("sk=", "ak=", "sk:", "ak:")),
        "proxy=",
        "proxy:",
        'proxy"',
        "proxy'",
        "scram-sha-1$",
        "scram-sha-256$",
        "scram-sha-512$",
        "setup key",
        "entry key",
        "authenticator key",
        "secret key",
    ),
    *("put-parameter", "secret set", "secrets set", "secrets put", "secrets create", "secrets add", "keyvault"),
    *("variable set", "config set", "configure set", "config http-basic", "npm config", "poetry config"),
    *("git config", "auth-pass", "setuser", "credential(", "credentials(", "basicauth(", "login(", "authenticate("),
    *("logon(", ".pem:", ".p12:", ".pfx:", ".crt:", ".cer:", "true\t/", "false\t/", "true /", "false /"),
    *("routing_key", "routing-key", "routingkey", "accessor", "word has", "word been", "word gen", "word assign"),
    *("word entered", "word typed", "word tried", "word attempted", "word supplied", "word provided", "word used"),
    *("word given", "word submitted", "word received", "senha ", "clave ", "passwort "),
    *("word temp", "word prov", "word nu", "word nova", "word neu", "word ini", " value: ", " -pw ", "signtool"),
    *("certutil", "net use", "lftp", "addauth", "authinfo", "identify ", "reg_sz", 'pass" ', 'auth" 2)', " replace "),
    *("issecret=", "&p=", "login attempt", "ansible_vault", "basic_auth", "connection(", "bind(", "code lautet"),
    *(
        " -p:",
        " /p:",
        " /pw:",
        " -pw:",
        " /password:",
        " -password:",
        "execve",
        "apop ",
        "nuget",
        "keychain",
        "bundle_",
        "rclone obs",
    ),
    *(
        "word è",
        "word é",
        "word est",
        "word es ",
        "word ist ",
        "word laut",
        "word jest",
        "word je ",
        ".auth(",
        "dbi->conn",
    ),
    *("curl ", "wget "),
    *("use code", "enter code", "the code ", "gungscode", "heitscode", "rungscode", "meldecode", "inmalcode"),
)
"""Every line that one of the rare rules matches holds one of these, in upper or lower case."""
_USUAL_HINTS: tuple[str, ...] = (
    *words("pass pwd psw secret token credential cred csrf xsrf otp mnemonic seed pepper sharedaccess x-amz- x-goog-"),
    *words("sessid sessionid session_id session-id session.id connect.sid sess_key sess-key samlresponse assertion"),
    *words("2fa mfa one-time onetime crumb key psk cvv cvc clave senha heslo salt ssn"),
    *words("pincode pin_code pin-code pin= pin: pin%3 pw= pw: pw%3 auth= auth: sid= sid: pat= jwt hdr= sig= hmac="),
    *['pin"', "pin'", 'pw"', "pw'", 'auth"', "auth'", 'sid"', "sid'"],
    *("one time", "pin =", "pin is", "pin code", "pw =", "auth =", "sid =", "kind", *_CODE_HINTS),
    *words(
        "authorization cookie bearer basic :// %3a%2f%2f hooks. /hook webhook /bot signature= policy= code= ticket="
        " &state= ?state="
    ),
    *words("hash= /reset/ /verify/ /confirm/ /activate/ /invite/ /magic/ /unsubscribe/ /login/ /auth/"),
    *words("mysql mariadb docker podman mongo plink pscp unrar redis-cli ldap smbclient rpcclient wmic mount.cifs"),
    *("net use", "nmblookup", "zip ", "7z", "rar ", "bcp ", "auth ", " login ", "masterauth", "primaryauth"),
    *words("ipmitool sqlcmd isql osql xfreerdp snmp curl wget lftp identified begin private-lines"),
    *(prefix.lower() for prefix in (*PLAIN_PREFIXES, *DASHED_PREFIXES)),
    *words("eyj akia eaaa asia agpa aida aroa anpa abia acca ltai ya29. gocspx- fwogzxivyxdze iqojb3jpz2lu ghu_ ghs_"),
    *words("xox xapp- k_live_ k_test_ k_prod_ whsec_ sq0 npm_ pypi- $apr1$ $1$ $2a$ $2b$ $2x$ $2y$ $5$ $6$ $y$ $7$"),
    *words("$argon2 $scrypt$ $pbkdf2 {ssha {sha {smd5 {md5} {crypt} {pbkdf2 mws. hcp. fo1_ sk- sg."),
    *["fm1_", "fm1r_", "fm1a_", "fm2_", "pat-"],
    *(
        "sqp_",
        "squ_",
        "sqa_",
        "v1.0-",
        ":::",
        "-cts-",
        "-hmac",
        "{noop}",
        "v1.local",
        "v2.local",
        "v3.local",
        "v4.local",
        "v1.public",
        "v2.public",
        "v3.public",
        "v4.public",
        "oy2",
        ".ej",
        "pbkdf2_",
        "bcrypt_",
        "access_token$",
        "goog1",
        "datadoghq.",
        "loggly.com",
        "sumologic.",
        "hc-ping.",
        "victorops.",
        "bindpw",
        "rootpw",
        "pw ",
        "sms_code",
        "smscode",
        "aspxauth",
        "wordpress_",
        "authenticate plain",
        "authenticate login",
        "authenticate xoauth2",
        "authenticate oauth",
        "authenticate cram",
        "authenticate scram",
        "authenticate external",
        "appid=",
    ),
    *["hf_", "r8_", ".acc_", ".acc-", "svs.", "hvr.", "cfpat", "private", "azdo", "aws", "gcp", "azure"],
    *(
        "/reset-",
        "/reset_",
        "/verify-",
        "/verify_",
        "/confirm-",
        "/activate-",
        "/invite-",
        "/magic-",
        "mdp=",
        "mdp:",
        "mdp ",
    ),
    *("honeycomb", "sonar", "authentication_string", "authentication-string", "infura.io"),
    *("hello 3 auth", "hello 2 auth"),
    *("ext_", "authress_", "_session=", "card pin", "phrase", "security_answer", "securityanswer", "security answer"),
    *TOKEN_HINTS,
    *VENDORS,
    *MORE_VENDORS,
)
HINTS: tuple[str, ...] = (
    *_USUAL_HINTS,
    *(hint for hint in RARE_HINTS if not any(usual in hint for usual in _USUAL_HINTS)),
)
"""Every line that a rule matches holds one of these, in upper or lower case."""
