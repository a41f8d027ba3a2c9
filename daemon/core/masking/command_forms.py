"""Secrets in a program's arguments, a protocol's commands or SQL: the forms, for `secret_rules`."""

from __future__ import annotations

from daemon.core.masking.rare_names import RARE_NAME
from daemon.core.masking.rule_forms import Form
from daemon.core.masking.secret_names import MIXED, NAME, UUID_FORM, VALUE

_ARGUMENT = r"""(?:"[^"]*"|'[^']*'|[^\s"'|;][^\s|;]*)"""
_LITERAL = r"""(?:"[^"]*"|'[^']*')"""
_WORD = rf"{_LITERAL}|[^\s\d-]\S*|\d+[^\s\d]\S*"
_NO_OPTION = rf"{_LITERAL}|[^\s-]\S*"
_ARGUMENTS = (
    Form(rf"(?:^|[\s\"'])--?[a-z_-]*{NAME}(?:\s+|=)", VALUE),
    Form(r"\b(?:mysql|mariadb)\w*\b[^|;]*?\s-p", rf"{_LITERAL}|[^\s\d-]\S*|\d+[^\s\d]\S*"),
    Form(r"\b(?:mysql|mariadb)\w*\b[^|;]*?\s-p\s", rf"{_LITERAL}|{MIXED}"),  # elsewhere the name of a database
    Form(
        r"\b(?:sshpass|docker\s+login|podman\s+login|mongo\w*|plink|pscp|7z\w*|7za?|unrar|rar|htpasswd)\b[^"
        r"|;]*?\s-p(?:w|\s)?\s*",
        _WORD,
    ),
    Form(r"\bredis-cli\b[^|;]*?\s-a\s*", _ARGUMENT),
    Form(r"\b(?:ldap\w+|ldappasswd)\b[^|;]*?\s-[ws]\s*", rf"(?:{_NO_OPTION})(?:\s+-[ws]\s+\S+)?"),
    Form(r"\b(?:smbclient|rpcclient|net|wmic|mount\.cifs|nmblookup)\b[^|;]*?\s-U\s*[^\s%]*%", r"\S+"),
    Form(
        r"\b(?:zip|unzip|ipmitool|sqlcmd|bcp|isql|xfreerdp|osql|snmp\w+)\b[^|;]*?\s[-/](?-i:P|p:|A|X)\s?",
        _NO_OPTION,
    ),
    Form(
        r"\b(?:curl|wget|lftp)\b[^|;]*?\s(?:-u|--user|-a|--auth|--proxy-user|-U)[\s=]?[\"']?[^\s:\"']+:",
        r"[^\s\"']+(?:[ ][^\s\"'-]+[\"'])?",
    ),
    Form(r"\baws\s+configure\s+set\s+\S*(?:secret|token)\S*\s+", r"\S+"),
    Form(r"\bnet use\b[^|;]*?/user:\S+\s+", r"\S+"),
    Form(r"\bpass:", MIXED),
    Form(r"\b(?:requirepass|masterauth|primaryauth|wpa_passphrase|set_real_password)\s+[\"']?", r"[^\s\"']{4,}"),
)
_PROTOCOLS = (
    Form(r"\bidentified\s+(?:with\s+\S+\s+)?(?:by|as)\s+(?:password\s+)?", r"'[^']*'|\"[^\"]*\"|\S+"),
    Form(r"\bpassword\s+(?:for\s+\S+\s*=\s*)?", r"'(?:[^']|'')*'"),
    Form(
        r"\b(?:insert\s+into|replace\s+into)\b[^()]*\([^()]*(?:pass|pwd|secret|token|key)[^()]*\)\s*values\s*\("
        r"(?:[^()'\"]*\)\s*(?:--\s*)?[\[(])?",
        r"[^()]*['\"][^()]*(?:\)[^()]{0,40}\([^()]*)?",
    ),
    Form(rf"password\(\s*{_LITERAL},\s*", _LITERAL),
    Form(r"\bpassword\([\"']?", r"[^)\"']+"),
    Form(
        r"(?:^|[\s>:])(?-i:AUTH(?:ENTICATE)?)\s+\"?(?:PLAIN|LOGIN|XOAUTH2|OAUTHBEARER|CRAM-MD5|EXTERNAL|SCRAM-[A-Z0-9-]+)\"?\s+\"?",
        r"[A-Za-z0-9+/=]{8,}(?:\s+[A-Za-z+/]*[0-9][A-Za-z0-9+/]*=*)?",
    ),
    Form(r"\bHELLO\s+[23]\s+AUTH\s+\S+\s+|\$\d+\s+AUTH\s+\$\d+\s+", r"\S+"),
    Form(r"(?:^|[\s>:\"'])(?-i:AUTH)\s+[\"']?(?:[A-Za-z][\w.-]*\s+)?", MIXED),
    Form(r"(?:^|[\n>:/]\s*)(?-i:PASS)\s+", r"[^\s/]+", r"\s*(?:$|[\r\n]|\\[rn])"),
    Form(r"(?:^|\s)[A-Za-z]\d{1,6}\s+LOGIN\s+(?:\"[^\"]*\"|\S+)\s+", r"\"[^\"]*\"|\S+"),
    Form(r"\"auth\"\s+(?:\"[^\"]*\"\s+)?", r"\"[^\"]*\""),
)
COMMANDS = (*_ARGUMENTS, *_PROTOCOLS)
"""The forms, in the order in which they are tried."""
RARE_COMMANDS = (
    Form(rf"(?:^|[\s\"'])--?[a-z_-]*{RARE_NAME}(?:\s+|=)", VALUE),
    Form(r"\bsnmp\w+\b[^|;]*?\s(?-i:-A)\s+", r"\S+(?:\s+-x\s+\S+)?(?:\s+-X\s+\S+)?"),
    Form(r"\bsnmp\w+\b[^|;]*?\s(?-i:-c)\s+", r"\S+"),
    Form(r"\bauth\s+[\w.@-]+:", MIXED),
    Form(r"\bchpasswd\b(?s:.*?)[\s\"'n][a-z_][\w-]*:", MIXED),
    Form(
        r"\b(?:user|device|invite|voucher|auth(?:orization)?)_?code\\*[\"']?\s*[:=]\s*\\*[\"']?",
        r"[A-Z0-9]{4}-[A-Z0-9]{4}|[A-Za-z0-9_-]{20,}",
    ),
    Form(r"\s(?:-u|--user(?:pwd)?|--credentials?)[\s=][\"']?[\w.@-]+:", MIXED),
    Form(r"\b(?:smbpasswd|kadmin|nsupdate)\b[^|;]*?\s-[wy]\s+", r"\S+"),
    Form(r"^\[[\w.-]+\]:\d+\s+[^\s:]+:", r"\S+"),
    Form(r"\bclient_send\s*=\s*:[^:]*:\s*", r"\S+"),
    Form(r"\bwifi:(?:[A-Z]:[^;]*;)*P:", r"(?:[^;\\]|\\.)+"),
    Form(r"\bproxy\w*[\"']?\s*[:=]\s*[\"']?[\w.-]+:", r"[^\s@\"'/][^\s@\"']*", "@"),
    Form(
        r"(?:^|[\s\"'{,&?_-])(?:signature|hmac|sign?)(?:[-_](?:sha-?)?[0-9]{1,3})?\\*[\"']?\s*[:=]\s*\\*[\"']?",
        r"[^\s\"'&]{20,}",
    ),
    Form(r"[?&\s,;](?:sk|ak)\s*[:=]\s*[\"']?", r"[A-Za-z0-9+/=_-]{20,}"),
    Form(r"::add-mask::", r"[^\r\n]+"),
    Form(
        r"(?:auth_?ident|user[._-]?info|basic[._-]?auth|userpwd)[\"']?\s*[:=]\s*[\"']?[\w.@-]+:",
        r"[^\s\"',;]+",
    ),
    Form(r"(?:^|[\s:])(?-i:PSK|XAUTH|EAP|NTLM)\s+", r"\"[^\"]*\"|0[sx]\S+"),
    Form(r"[A-Za-z0-9_]:", r"[^\s/:][^\s]*?", r"@(?:tcp|unix|udp)\("),
    Form(r"\b(?:pgp_sym_(?:en|de)crypt|aes_(?:en|de)crypt|hmac|crypt)\([^()]*?,\s*", rf"{_LITERAL}"),
    Form(r"\bcrypt\(\s*", _LITERAL, r",\s*gen_salt"),
    Form(r"\bsp_(?:addlogin|password)\s+(?:N?'[^']*',\s*)?", r"N?'[^']*'"),
    Form(r"\s[-/](?:p|pw|pass|password):", MIXED),
    Form(r"\ba0=\"(?:mysql|mariadb|sshpass|mongo)\w*\"[^\n]*?\ba\d+=\"-p(?:\"\sa\d+=\")?", r"[^\"]+"),
    Form(
        r"(?:mysql|mariadb|sshpass|mongo)\w*[\"'](?:,\s*[\"'][^\"']*[\"'])*?,\s*[\"']-p(?:[\"'],\s*[\"'])?",
        r"[^\"']+",
    ),
    Form(r"\bAPOP\s+\S+\s+", r"[0-9a-f]{32}"),
    Form(r"\bnuget\b[^|;]*?\s-(?:k|ApiKey|-api-key)\s+", r"\S+"),
    Form(r"\b(?:unlock|create|set)-keychain\S*\s[^|;]*?-p\s+", r"\S+"),
    Form(r"\bBUNDLE_[A-Z0-9_]+\s*[:=]\s*[\"']?", r"[0-9a-f]{8}:[0-9a-f]{8}"),
    Form(r"\bBUNDLE_[A-Z0-9_]+\s*[:=]\s*[\"']?[^\s:\"']+:", r"[^\s\"']+"),
    Form(r"\brclone\s+(?:obscure|config\s+create\s[^|;]*?\s(?:pass|password))\s+", r"\S+"),
    Form(r"\b(?:curl|wget)\b[^|;]*?\s(?:-u|--user)[\s=]?[\"']?", r"[A-Za-z]*[0-9][A-Za-z0-9]{14,}:[^\s\"']*"),
    Form(r"\bmc\s+alias\s+set\s+\S+\s+\S+\s+", r"\S+\s+\S+"),
    Form(r"\bssh-keygen\b[^|;]*?\s(?-i:-[NP])\s+", _ARGUMENT),
    Form(r"\b(?:openssl|coap-client)\b[^|;]*?\s(?-i:-[kK])\s+", _ARGUMENT),
    Form(r"\s/rp\s+", _ARGUMENT),
    Form(r"\b(?:https?|xh)\s[^|;]*?(?:-a|--auth)[\s=][\"']?[^\s:/\"']+:", r"[^\s\"']+"),
    Form(r"\s-(?:u|U|n|-user(?:name)?)[\s=]\S+\s(?:[^|;]*?\s)?-[pPw]\s", rf"{_LITERAL}|{MIXED}"),
    Form(r"\bconnect\s+to\s+\S+\s+user\s+\S+\s+using\s+", _ARGUMENT),
    Form(r"\s--service-principal\b[^|;]*?\s-p\s", r"\S+"),
    Form(r"\brabbitmqctl\s+(?:add_user|change_password|authenticate_user)\s+\S+\s+", r"\S+"),
    Form(r"\bhtpasswd\s+(?:-\S+\s+)*-\w*b\w*\s+(?:\S+\s+){1,2}", MIXED),
    Form(
        r"\becho\s+(?:-\w+\s+)?",
        _ARGUMENT,
        r"\s*\|\s*(?:docker|podman|helm|oras|sudo\s+-S|chpasswd|cryptsetup|passwd|kinit|gpg|su\b"
        r"|[\w./-]+\s[^|]*?--?[a-z-]*pass)",
    ),
    Form(r"\b(?:kinit|cryptsetup|su|(?:vnc|smb)?passwd)\b[^|;]*?<<<\s*", _ARGUMENT),
    Form(r"\bsend\s+(?:--\s+)?\"", r"[^\"\\]*", r"\\+[rn]\""),
    Form(r"\bConvertTo-SecureString\s+(?:-\w+\s+)?", _ARGUMENT),
    Form(rf"(?:: (?:ENV|ARG)|setx|setenv|set\s+-g?x)\s+\w*{NAME}\s+", rf"{_LITERAL}|{MIXED}"),
    Form(r"\b(?:(?:ro|rw)community6?|(?:com2sec6?\s+\S+|trap2?sink|informsink)\s+\S+)\s+", r"[^\s-]\S*"),
    Form(r"\bcommunity(?:[ _-]?(?:string|name))?\\*[\"']?\s*[:=]?\s*\\*[\"']?", MIXED),
    Form(r"\bUGFzc3dvcmQ6[^A-Za-z0-9+/]{1,3}(?:(?:<<<|C:|<-|->|<|>|client:)\s*)?", r"[A-Za-z0-9+/]{4,}={0,2}"),
    Form(r"\s-setcookie\s+|\bwith cookie\s+", rf"(?-i:[A-Z]{{20}})|{MIXED}"),
    Form(r"\{(?:plain|clear(?:text)?)\}", r"[^\s:\"']+"),
    Form(r"[\"'](?-i:PASS)\s+", MIXED, r"[\"']"),
    Form(r"\\n(?-i:PASS)\s+", r"[^\s\\]+", r"\\[rn]"),
    Form(r"\bntlm(?:[ _-]?hash)?\s*[:=]\s*", r"[0-9a-f]{32}"),
    Form(r"\bsecret id\s*[:=]\s*", UUID_FORM),
    Form("", r"[A-Za-z0-9_-]+:APA91b[A-Za-z0-9_-]{20,}"),
    Form(r"\b(?:snmp-server\s+community|(?:radius|tacacs)(?:-server)?\s(?:host\s+\S+\s+)?key)\s+(?:\d\s+)?", r"\S+"),
    Form(r"\b(?:password|secret|key-string)\s+[4-9]\s+", r"[0-9A-F]{8,}|[$@!]\S{6,}"),
    Form(r"\b(?:password|secret|key-string)\s+0\s+", r"\S+"),
    Form(r"\buser(?:add|mod)\b[^|;]*?\s-p\s+", r"[^\s-]\S*"),
    Form(r"\bencrypted-password\s+", _ARGUMENT),
    Form(
        r"(?:\bPDO->__construct|connect|getConnection|mysqli(?:->__construct|->real_connect))\(\s*"
        rf"{_LITERAL},\s*{_LITERAL},\s*",
        _LITERAL,
    ),
    Form(rf"(?:\b|_)(?:set|with|use|add)\w*{NAME}\(\s*\\*[\"']", r"[^\"'\\]+"),
    Form(r"(?-i:\b(?:Api|Access|Secret)?(?:Key|Token|Secret|Password|SecretString|Credential))\(\\*[\"']", MIXED),
    Form(r"(?:\bthin:|\bsqlplus\s+(?:-\S+\s+)*|\brman\s+target\s+)[A-Za-z][\w$#]*/", r"[^\s@/\"']+"),
    Form(r"\b(?:exp|imp)(?:dp)?\s+[A-Za-z][\w$#]*/", r"[^\s@/\"']+", r"@|\s+\w+="),
    Form(r"\bnet user\s+\S+\s+", r"[^\s/*]\S*"),
    Form(
        r"\b(?:put-parameter|(?:secret|secrets|keyvault|variable)\s+(?:set|put|add|create|create-secret))\b[^|;]*?"
        r"\s(?:--value|--body|-b|--secret-string|--plaintext)[\s=]+",
        _ARGUMENT,
    ),
    Form(rf"\bconfig\b(?:\s+set)?(?:\s+-\S+)*\s+[\w./:@-]*{NAME}[\w./-]*\s+", rf"{_LITERAL}|{MIXED}"),
    Form(r"\bconfig\s+(?:-\S+\s+)*http-basic\.\S+\s+\S+\s+", _ARGUMENT),
    Form(r"\bauth-pass\s+\S+\s+", _ARGUMENT),
    Form(r"\bsetuser\b[^|;]*?\s[\"']?[>#]", r"[^\s\"']+"),
    Form(
        r"\b(?:(?:Network|PS|Plain)?Credentials?|UsernamePassword\w*|\w*BasicAuth\w*|login|Connection|bind|auth|authenticate|logon)\("
        rf"\s*(?:[A-Za-z_]\w*,\s*)?(?:\w+=)?{_LITERAL},\s*(?:\w+=)?",
        _LITERAL,
    ),
    Form(r"\s(?:--cert|-E|--proxy-cert)[\s=]\S+?\.(?:pem|p12|pfx|crt|cer):", r"\S+"),
    Form(r"\b(?:TRUE|FALSE)\s+/\S*\s+(?:TRUE|FALSE)\s+\d+\s+\S+\s+", r"\S+"),
    Form(r"\brouting[_-]?key\\*[\"']?\s*[:=]\s*\\*[\"']?", r"[A-Za-z0-9]{32}"),
    Form(r"\s-pw\s+", _ARGUMENT),
    Form(r"\b(?:signtool|certutil)\b[^|;]*?\s[-/]p\s+", _ARGUMENT),
    Form(r"\bnet\s+use\s+(?:[a-z*]:?\s+)?\\\\\S+\s+", rf"{_LITERAL}|{MIXED}"),
    Form(r"\blftp\b[^|;]*?\s-u\s*[^\s,]+,", r"\S+"),
    Form(r"\baddauth\s+digest\s+[^\s:]+:", r"\S+"),
    Form(r"\bauthinfo\s+pass\s+", r"\S+"),
    Form(r"\bnickserv\b.{0,8}\bidentify\s+|^identify\s+", r"\S+(?:\s+\S+)?"),
    Form(r"\breg_sz\s+", MIXED),
    Form(r"\b(?:requirepass|masterauth)[\"']?\s+\d\)\s+[\"']", r"[^\"']+"),
    Form(r"\bidentified\s+by\s+\S+\s+replace\s+", _ARGUMENT),
    Form(r"\bissecret=true\]", r"[^\r\n]+"),
    Form(r"[?&]u(?:ser(?:name)?)?=[^&\s]*&p=|/query\?(?:\S*&)?p=", r"[^&\s\"']+"),
    Form(r"<(?:auth|response)\b[^<>]*>", r"[A-Za-z0-9+/=]{8,}", "</"),
    Form(r"\bmessage-digest-key\s+\d+\s+md5\s+(?:\d\s+)?|\bauthentication-key\s+(?:\d+\s+md5\s+)?", r"\S+"),
    Form(r"\bpragma\s+(?:re)?key\s*=\s*", rf"{_LITERAL}|\S+"),
    Form(r"\blogin attempt:? \[(?:b')?[^/'\]]*(?:'/b'|/)", r"[^'\]]+"),
    Form(r"\$ANSIBLE_VAULT;[\d.]+;AES256(?:\s|\\n)+", r"[0-9a-f\s]{16,}"),
    Form(r"\bbasic_?auth\w*[\"']?\s*[:=]>?\s*[\[(]\s*" + _LITERAL + r",\s*", _LITERAL),
    Form(r"\baccessor\\*[\"']?\s*[:=]\s*\\*[\"']?", r"(?:hmac-)?[A-Za-z0-9.]{16,}"),
)
"""Forms that only lines with one of `RARE_HINTS` may hold."""
