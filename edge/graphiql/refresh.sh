#!/usr/bin/env bash
# Fetches GraphiQL and React from npm, by name and version, into static/vendored/, with their licences and checksums.
# Needs bash, node and npm. To move to another version: change it here, run this, look at the page in a browser, run tests/graphiql.
set -euo pipefail

graphiql=4.1.2
react=18.3.1
roboto=5.2.9      # The two fonts inside GraphiQL's style sheet; installed for the text of their licences only.
fira_code=5.2.7

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"

install() { npm install --silent --no-audit --no-fund --ignore-scripts --legacy-peer-deps "$@"; }

echo '{"private": true}' > package.json
echo "Installing graphiql $graphiql and react $react …"
install "graphiql@$graphiql" "react@$react" "react-dom@$react" "@fontsource/roboto@$roboto" "@fontsource/fira-code@$fira_code"

# What is inside graphiql.min.js but not among its dependencies (it was bundled where its authors build it).
missing="$(node "$here/licences.mjs" missing)"
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086 -- one word a package.
    install --no-save $missing
fi

mkdir -p "$work/vendored"
cp node_modules/graphiql/graphiql.min.js node_modules/graphiql/graphiql.min.css "$work/vendored/"
cp node_modules/react/umd/react.production.min.js node_modules/react-dom/umd/react-dom.production.min.js "$work/vendored/"
node "$here/licences.mjs" write > "$work/vendored/LICENCES.txt"
(cd "$work/vendored" && sha256sum -- * > SHA256SUMS)
chmod 644 "$work/vendored"/*

cp "$work/vendored"/* "$here/static/vendored/"
echo "Wrote $here/static/vendored:"
ls -l "$here/static/vendored"
