#!/bin/sh
# Written by mixed_lb.stack, role keepalived. Changes made here are lost.
# run_as USER[:GROUP] PROGRAM [WORD...]: becomes that user, and then is that program.
set -eu

user=${1%%:*}
group=${1#"$user"}
group=${group#:}
shift
exec setpriv --reuid="$user" --regid="${group:-$(id -g "$user")}" --init-groups -- "$@"
