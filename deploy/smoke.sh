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
tidy() {
    docker logs "$name" 2>&1 | tail -n 50 || true
    docker rm --force "$name" >/dev/null || true
    docker volume rm "$name" >/dev/null
}
trap tidy EXIT

locked=(
    --read-only --tmpfs /tmp:size=1g,mode=1777 --volume "$name:/data"
    --user 10001:10001 --cap-drop ALL --security-opt no-new-privileges --pids-limit 512
)

echo "--- without a token it refuses to start"
if refusal=$(docker run --rm "${locked[@]}" "$image" 2>&1); then
    exit 1
fi
grep 'there is no token' <<<"$refusal"

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
    grep '^qflow_runs_live'

echo "--- it runs a circuit, which takes a parser and a worker"
curl --fail --silent --show-error --header "Authorization: Bearer $token" \
    --header 'Content-Type: application/json' --data '{
        "circuit": {"format": "qasm2", "source": "OPENQASM 2.0; include \"qelib1.inc\"; qreg q[1]; creg c[1]; x q[0]; measure q -> c;"},
        "primitive": "sampler", "shots": 10
    }' "$url/api/quantum/execute" | grep '"c":{"1":10}'

echo "--- it is not root, and has nothing that only a build needs"
test "$(docker exec "$name" python -c 'import os; print(os.getuid())')" = 10001
docker exec "$name" sh -c \
    'for each in pip cargo node npm gcc; do ! command -v "$each" || exit 1; done'

echo "--- it leaves in good order"
docker stop --time 40 "$name" >/dev/null
test "$(docker inspect --format '{{.State.ExitCode}}' "$name")" = 0
echo "all well"
