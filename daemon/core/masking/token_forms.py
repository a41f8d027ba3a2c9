"""Tokens that their form gives away and that `vendor_rules` has no plain prefix for: the forms, for `secret_rules`."""

from __future__ import annotations

from daemon.core.masking.rule_forms import Form
from daemon.core.masking.secret_names import UUID_FORM

TOKEN_FORMS = (
    Form("", r"dp\.(?:ct|st|sa|said|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}"),
    Form("", rf"access-(?:production|sandbox|development)-{UUID_FORM}|(?:pub|sub|sec)-c-[A-Za-z0-9-]{{30,}}"),
    Form("", r"rzp_(?:live|test)_[A-Za-z0-9]{14,}|RGAPI-[0-9A-Za-z-]{36}|NRJS-[0-9a-f]{19}|napi_[a-z0-9]{40,}"),
    Form("", r"(?:token|kubeconfig)-[a-z0-9.-]{5,40}:[a-z0-9]{54}|K10[0-9a-f]{64}::[a-z]+:[0-9A-Za-z]{16,}"),
    Form("", r"nsec1[a-z0-9]{58}|AGE-SECRET-KEY-PQ-1[A-Z0-9]{40,}|s-s4t2(?:ud|af)-[0-9a-f]{64}|npg_[A-Za-z0-9]{12,}"),
    Form("", r"cog_[a-z0-9]{48,}|csa_[0-9a-f]{32}[A-Za-z0-9]{4,}"),
    Form("", r"endr\+[A-Za-z0-9-]{16,}|AstraCS:[A-Za-z0-9]{12,}(?::[0-9a-f]{20,})?|packagist_[a-z]{3}_[0-9a-f]{60,}"),
    Form("", r"bedrock-api-key-[A-Za-z0-9+/=]{20,}|gcntfy-[a-z0-9-]{60,}|CCIPRJ_[A-Za-z0-9_]{40,}"),
    Form("", r"\$krb5(?:tgs|asrep|pa)\$[!-~]{24,}|\$8\$[A-Za-z0-9./]{8,}\$[A-Za-z0-9./]{20,}"),
    Form("", r"hcaik_[a-z0-9]{58,}|os_v2_(?:app|org)_[a-z0-9]{60,}|jina_[0-9a-f]{32}[\w-]{28,}|e2b_[0-9a-f]{40}"),
    Form("", rf"waka_{UUID_FORM}|NRI[IQ]-[A-Za-z0-9_-]{{32}}"),
    Form(r"\b", r"(?:api)?key_[0-9a-f]{24,64}"),
    Form(r":(?:production|development|staging)\.", r"[0-9a-f]{40,}"),
)  # fmt: skip
"""Forms of tokens, each with a literal of `TOKEN_HINTS` in it."""
MORE_PREFIXES: tuple[str, ...] = (
    "ATCTT3", "KGAT_", "FLWSECK-", "NRRA-", "alcht_", "csb_v1_", "dt0s01.", "dt0s16.", "figu_", "glidt-", "glrtr-",
    "glwt-", "inc_api_", "jsrp_", "kpat_", "lin_oauth_", "nfp_", "nfc_", "nfo_", "nfb_", "nfu_", "ovsxat_", "pnb_",
    "sk_org_live_", "sk_sbox_", "sktsec_", "snyk_uat.", "snyk_sat.", "syt_", "testsk_", "tskey-", "tvly-", "xaat-",
    "xapt-", "xsmtpsib-",
)  # fmt: skip
"""Prefixes of tokens that the scanners have no rule for."""
WORD_PREFIXES: tuple[str, ...] = (
    "oak_", "uak_", "bxt_", "cal_live_", "cfat_", "cfut_", "dbtc_", "dbtu_", "ddo_", "ddw_", "gta_", "hbp_",
    "hookdeck_", "spat_", "mct_", "oauth:", "perm:", "permit_key_", "rnd_", "signkey-", "standard_", "tr_dev_",
    "tr_prod_", "vercel_", "y0_", "secret-live-", "secret-test-", "secret-token:",
)  # fmt: skip
"""Prefixes with which ordinary words begin, too: a token has a digit."""
TOKEN_HINTS: tuple[str, ...] = (
    *("dp.ct.", "dp.st.", "dp.sa", "dp.scim.", "dp.audit.", "access-prod", "access-sand", "access-devel"),
    *("pub-c-", "sub-c-", "sec-c-", "rzp_", "rgapi-", "nrjs-", "napi_", "npg_", "kubeconfig-", "::server:", "::node:"),
    *("nsec1", "age-secret", "s-s4t2", "cog_", "csa_", "endr+", "astracs", "packagist_"),
    *(
        "gcntfy-",
        "cciprj_",
        "$krb5",
        "$8$",
        "hcaik_",
        "os_v2_",
        "jina_",
        "e2b_",
        "waka_",
        "nriq-",
        "nrii-",
        ":production.",
        ":development.",
        ":staging.",
    ),
    *(prefix.lower() for prefix in (*MORE_PREFIXES, *WORD_PREFIXES)),
)
MORE_VENDORS: tuple[str, ...] = (
    "snyk", "eventbrite", "customerio", "customer.io", "gumroad", "jotform", "kickbox", "ipstack", "pdflayer",
    "mailjet", "maxmind", "packagecloud", "sslmate", "cloudsight", "clearbit", "infura", "etherscan", "zoho",
    "woocommerce", "opencage", "rollbar", "bugsnag", "statuspage", "pushover", "pingdom", "sparkpost", "nexmo",
    "vonage", "trello", "shodan", "censys", "securitytrails", "abstractapi", "ipinfo", "weatherapi", "newsapi",
    "rebrandly", "bitly", "freshdesk", "zapier", "pipedrive", "chargebee", "braintree", "adyen", "codacy",
    "semaphoreci",
)  # fmt: skip
"""Names of vendors whose keys have no form, beside those of `vendor_rules`."""
