# deploy_yaml.jq: what a schema does not see in compose files and manifests. Input: {compose, split, k8s: [manifests], encoder: [names of
# variables of the encoders' env files]}. Output: a line for each thing that is wrong.
def seconds: capture("^(?<n>[0-9]+)(?<u>s|m)$") | (.n | tonumber) * (if .u == "m" then 60 else 1 end);
def wrong($good; $what): if $good then empty else $what end;
def encoder_may_know: ["REDIS_URL", "REELYARD_FLEET_KEY", "REELYARD_WEB_TOKEN", "REELYARD_SANDBOX", "REELYARD_HTTP_PORT", "ENCODERS"];
def of_kind($kind): [.[] | select(.kind == $kind)];

def compose:
  (.compose * .split) as $whole
  | ($whole.services | to_entries[]) as {key: $name, value: $service}
  | ($service.volumes // [] | .[] | split(":")[0]) as $v | wrong($whole.volumes | has($v); "compose: \($name) uses the volume \($v), which is not there"),
    (($whole.services | to_entries[]) as {key: $name, value: $service}
     | (($service.networks // [])[] as $n | wrong($whole.networks | has($n); "compose: \($name) uses the network \($n), which is not there")),
       (($service.depends_on // {} | keys[]) as $o | wrong($whole.services | has($o); "compose: \($name) waits for \($o), which is not there")),
       wrong($service.deploy.resources.limits | has("cpus") and has("memory"); "compose: \($name) has no limits"),
       wrong($service.environment.REELYARD_DRAIN_SECONDS == null
             or ($service.stop_grace_period | seconds) > ($service.environment.REELYARD_DRAIN_SECONDS | tonumber);
             "compose: \($name) is stopped before its drain is over"),
       (select($service.image // "" | contains("reelyard"))
        | wrong($service.read_only and $service.cap_drop == ["ALL"]; "compose: \($name) is not locked")));

def compose_rest:
  (.compose * .split) as $whole
  | wrong($whole.services.encoder.env_file == "encoder.env" and $whole.services.encoder.networks == ["inside"];
          "compose: the encoder knows or reaches more than Redis"),
    wrong($whole.services.redis.command | join(" ") | contains("--maxmemory-policy noeviction") and contains("--appendonly yes");
          "compose: Redis may lose jobs"),
    (.encoder[] | wrong(. as $v | encoder_may_know | index($v); "an encoder's env file names \(.)"));

def manifests:
  .k8s as $all
  | ($all | of_kind("ConfigMap")[0].data.REELYARD_DRAIN_SECONDS | tonumber) as $drain
  | ($all | of_kind("Deployment") | map(.metadata.name)) as $deployments
  | ($all | of_kind("Deployment") | map(.spec.template.metadata.labels)) as $pods
  | ($all[] | wrong(has("apiVersion") and has("kind"); "k8s: no apiVersion or kind: \(tostring[:80])")),
    ($all | of_kind("Deployment")[]
     | .metadata.name as $name | .spec.template.spec as $pod | .spec.template.metadata.labels as $labels
     | wrong(.spec.selector.matchLabels | to_entries | all($labels[.key] == .value); "k8s: \($name): its selector is not for its pods"),
       wrong($pod.terminationGracePeriodSeconds > $drain; "k8s: \($name) is killed before its drain is over"),
       wrong($pod.securityContext.runAsNonRoot and $pod.securityContext.seccompProfile.type == "RuntimeDefault"; "k8s: \($name): pod not locked"),
       ($pod.containers[]
        | wrong(.securityContext | .readOnlyRootFilesystem and .capabilities.drop == ["ALL"] and (.allowPrivilegeEscalation | not);
                "k8s: \($name): container not locked"),
          wrong([.volumeMounts[].name] - [$pod.volumes[].name] == []; "k8s: \($name): a mount has no volume"),
          wrong(.resources | has("limits") and has("requests"); "k8s: \($name): no limits"),
          (["startupProbe", "livenessProbe", "readinessProbe"][] as $p
           | wrong(.[$p].httpGet.path | . == "/ping" or . == "/ready"; "k8s: \($name): \($p)")))),
    (($all | of_kind("Service") + of_kind("PodDisruptionBudget"))[]
     | (.spec.selector.matchLabels // .spec.selector) as $s
     | wrong($pods | any(. as $labels | $s | to_entries | all($labels[.key] == .value)); "k8s: \(.kind) \(.metadata.name) is for no pod")),
    ($all | of_kind("ScaledObject")[]
     | .metadata.name as $name
     | wrong(.spec.scaleTargetRef.name as $t | $deployments | index($t); "k8s: ScaledObject \($name) is for no deployment"),
       wrong(.spec.minReplicaCount >= 1; "k8s: ScaledObject \($name): mail is put into a stream only while a node offers the role"),
       (.spec.triggers[] | wrong(.metadata.stream | test("^reelyard:mail:(encoder|writer)$"); "k8s: ScaledObject \($name): its stream"))),
    ($all | of_kind("Deployment")[] | select(.metadata.name != "reelyard")
     | wrong([.spec.template.spec.containers[].envFrom[].secretRef.name] | index("reelyard-fleet"); "k8s: \(.metadata.name) has no key of the fleet")),
    ($all | of_kind("Secret")[] | select(.metadata.name != "reelyard-fleet")
     | wrong(.stringData | has("REELYARD_FLEET_KEY") | not; "k8s: the key of the fleet stands in \(.metadata.name) too")),
    ($all | of_kind("Secret")[] | select(.metadata.name == "reelyard-encoder")
     | wrong((.stringData | keys) - encoder_may_know == []; "k8s: the encoders' secret has more than Redis"));

compose, compose_rest, manifests
