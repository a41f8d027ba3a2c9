"""Names for secrets that few lines hold: in other languages, with an ending, for one kind of password.

They cost nothing where they do not occur: only a line with one of `RARE_NAME_HINTS` is searched for `RARE_NAME`.
"""

from __future__ import annotations

FOREIGN = (
    r"kennwort|contrase(?:ñ|n|%C3%B1)a|contrasenya|mot[ _-]?de[ _-]?passe|wachtwoord|lösenord|salasana|jelszó|hasło"
    r"|adgangskode|kodeord|passord|parool|slaptažodis|lozinka|zaporka|lykilorð|pasahitza|kata ?sandi|kata laluan"
    r"|nenosiri|пароль|парола|лозинка|құпия ?сөз|密码|密碼|口令|パスワード|暗証番号|合言葉|비밀번호|패스워드|암호|şifre"
    r"|parol[aă](?: d'ordine)?|palavra-passe|mật khẩu|κωδικός(?: πρόσβασης)?|συνθηματικό|كلمة (?:المرور|السر)"
    r"|رمز عبور|گذرواژه|סיסמ[הא]|รหัสผ่าน|पासवर्ड|পাসওয়ার্ড|கடவுச்சொல்|პაროლი|գաղտնաբառ|验证码|驗證碼|인증번호"
)
"""Words for a password in other languages."""
_FOREIGN_KEYS = (
    r"geheimnis|zugangsdaten|(?:api|geheim|zugangs)[ _-]?schlüssel|sicherheitscode|bestätigungscode|verifizierungscode"
    r"|cl[ée] (?:secr[èe]te|priv[ée]e|d'api|api)|jeton|clave (?:secreta|privada|api)|secreto|segreto"
    r"|chiave (?:segreta|privata|api)|chave (?:secreta|privada|de api)|klucz (?:api|tajny)|sekret|токен|секрет"
    r"|(?:секретный|закрытый) ключ|密钥|密鑰|秘钥|令牌|シークレット(?:キー)?|トークン|秘密鍵|비밀 ?키|토큰|시크릿"
)
_OF = (
    "store", "key", "user", "db", "sql", "root", "admin", "bind", "ldap", "mail", "smtp", "ftp", "login", "web", "vpn",
    "wifi", "vnc", "rcon", "sudo", "become", "ssh", "git", "api", "account", "email", "redis", "mongo", "rpc", "jks",
    "p12", "pfx", "cert",
)  # fmt: skip
_ENDINGS = (
    "confirm", "confirmation", "again", "repeat", "retype", "verify", "verification", "hash", "digest", "plain", "text",
    "value", "b64", "new", "old", "current", "1", "2",
)  # fmt: skip
_CRYPTO = (
    "aes",
    "cipher",
    "crypto",
    "decryption",
    "symmetric",
    "wrapping",
    "ingest",
    "merchant",
    "integration",
    "vapid",
    "management",
    "partner",
    "developer",
    "enrollment",
    "provisioning",
    "registration",
    "unseal",
    "unlock",
    "rescue",
)
RARE_NAME = (
    rf"(?:p[a@4][s$5]{{2}}[ _-]?w[o0]rds?(?:[_-]?(?:{'|'.join(_ENDINGS)}))?|(?:{'|'.join(_OF)})(?:pass|pwd|pw)"
    rf"|(?:{'|'.join(_CRYPTO)})[ _.-]?keys?|x-(?:[a-z]+-){{1,2}}signature(?:-256)?|stripe-signature|private-mac"
    rf"|{FOREIGN}|{_FOREIGN_KEYS})"
)
"""An expression for any of the names, for `secret_rules`."""

_FOREIGN_HINTS = (
    "kennwort contrase wachtwoord lösenord salasana jelszó hasło adgangskode kodeord passord parool slaptažodis "
    "lozinka zaporka lykilorð pasahitza sandi laluan nenosiri пароль парола лозинка құпия 密码 密碼 口令 "
    "パスワード 暗証番号 合言葉 비밀번호 패스워드 암호 şifre parola parolă passe khẩu κωδικός συνθηματικό كلمة "
    "رمز گذرواژه סיסמ รหัสผ่าน पासवर्ड পাসওয়ার্ড கடவுச்சொல் პაროლი գաղտնաբառ 验证码 驗證碼 인증번호 geheimnis "
    "zugangsdaten schlüssel sicherheitscode bestätigungscode verifizierungscode jeton secreto segret sekret "
    "токен секрет ключ 密钥 密鑰 秘钥 令牌 シークレット トークン 秘密鍵 비밀 토큰 시크릿 passwort"
)
RARE_NAME_HINTS: tuple[str, ...] = (
    *_FOREIGN_HINTS.split(),
    *("clé ", "cle s", "clave ", "chiave ", "chave ", "klucz "),
    *(f"{what}{name}" for what in _OF for name in ("pass", "pwd", "pw")),
    *(f"{what}{sign}key" for what in _CRYPTO for sign in ("", "_", ".", "-", " ")),
    *(f"word{sign}{ending}" for sign in ("", "_", "-") for ending in _ENDINGS if sign or len(ending) > 1),
    *(
        "password1",
        "password2",
        "p@ss",
        "p4ss",
        "pa55",
        "p@$$",
        "pa$$",
        "passw0rd",
        "pass word",
        "pass_word",
        "pass-word",
        "-signature",
        "private-mac",
    ),
)
"""Every text that `RARE_NAME` matches in holds one of these, in upper or lower case."""
