#!/bin/sh
# howlong.sh SECONDS: writes a number of seconds the way people say it.
set -eu

case ${1:-} in
  '' | *[!0-9]*)
    echo 'usage: howlong.sh SECONDS' >&2
    exit 2
    ;;
esac

left=$1
text=

# Takes as many whole units of a size off what is left as there are.
take() {
  if [ "$left" -gt "$1" ]; then
    text="$text $((left / $1)) $2"
    left=$((left % $1))
  fi
}

take 86400 d
take 3600 h
take 60 min
take 1 s

[ -n "$text" ] || text=' 0 s'
echo "${text# }"
