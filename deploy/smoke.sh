#!/usr/bin/env bash
# Build the image, run it as locked up as the manifests do, and ask it a few things.
# Needs Docker; takes some minutes the first time; leaves nothing but the image.
set -euo pipefail
cd "$(dirname "$0")/.."

image=quantumflow-lab:smoke
name=qflow-smoke-$$
url=http://127.0.0.1:8321

docker build --file deploy/Dockerfile --tag "$image" .
docker volume create "$name" >/dev/null
trap 'docker logs "$name" 2>&1 | tail -n 50; docker rm --force "$name" >/dev/null; docker volume rm "$name" >/dev/null' EXIT

locked=(
    --read-only --tmpfs /tmp:size=1g,mode=1777 --volume "$name:/data"
    --user 10001:10001 --cap-drop ALL --security-opt no-new-privileges --pids-limit 512
)

echo "--- without a token it refuses to start"
if docker run --rm "${locked[@]}" "$image"; then
    exit 1
fi

echo "--- with one it becomes healthy"
token=$(docker run --rm "${locked[@]}" "$image" token create smoke \
    --scope read --scope run --scope metrics)
docker run --detach --name "$name" --init "${locked[@]}" --publish 127.0.0.1:8321:8321 \
    --env QFLOW_SERVICE_BEHIND_PROXY=true "$image" >/dev/null
for _ in $(seq 60); do
    health=$(docker inspect --format '{{.State.Health.Status}}' "$name")
    [ "$health" = healthy ] && break
    sleep 2
done
test "$health" = healthy

echo "--- it is ready, knows its token and refuses others"
curl --fail --silent --show-error "$url/api/health/ready"
test "$(curl --silent --output /dev/null --write-out '%{http_code}' "$url/api/runs")" = 401
curl --fail --silent --show-error --header "Authorization: Bearer $token" "$url/api/backends" >/dev/null
curl --fail --silent --show-error --header "Authorization: Bearer $token" "$url/metrics" |
    grep --quiet '^qflow_runs_live'

echo "--- it is not root, and has nothing that only a build needs"
test "$(docker exec "$name" python -c 'import os; print(os.getuid())')" = 10001
if docker exec "$name" sh -c 'command -v pip cargo node npm gcc'; then
    exit 1
fi

echo "--- it leaves in good order"
docker stop --time 40 "$name" >/dev/null
test "$(docker inspect --format '{{.State.ExitCode}}' "$name")" = 0
echo "all well"
