#!/bin/sh
# Answers git when it asks for the user name or the password of the one host that it was given for; askpass.ts says the rest.
case $1 in
"Username for '$ASKPASS_SCHEME://$ASKPASS_HOST': ") printf '%s\n' "$ASKPASS_USERNAME" ;;
"Password for '$ASKPASS_SCHEME://$ASKPASS_USERNAME@$ASKPASS_HOST': ") printf '%s\n' "$ASKPASS_TOKEN" ;;
*) exit 1 ;;
esac
