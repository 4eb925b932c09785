"""The rules, one file each, in the order of a report. `RULES` is the whole list; nothing registers itself."""

from __future__ import annotations

from epochly_release.lint.rules import (
    action_not_pinned,
    build_beside_publish,
    cache_in_release,
    checkout_keeps_credentials,
    install_not_locked,
    permissions_not_empty,
    publish_from_reusable,
    publish_unconfirmed,
    publish_unverified,
    publish_without_environment,
    pull_request_target,
    single_builder,
    stored_secret,
    tag_push_trigger,
    template_injection,
    token_beside_build,
    token_beside_install,
)

RULES = (
    token_beside_build.RULE,
    token_beside_install.RULE,
    install_not_locked.RULE,
    build_beside_publish.RULE,
    single_builder.RULE,
    publish_unverified.RULE,
    publish_unconfirmed.RULE,
    publish_without_environment.RULE,
    publish_from_reusable.RULE,
    stored_secret.RULE,
    tag_push_trigger.RULE,
    pull_request_target.RULE,
    template_injection.RULE,
    action_not_pinned.RULE,
    cache_in_release.RULE,
    checkout_keeps_credentials.RULE,
    permissions_not_empty.RULE,
)
