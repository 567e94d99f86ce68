#!/usr/bin/env python3
"""deploy_yaml.py FOLDER: what a schema does not see in compose files and manifests.

Every name leads to something that is there; who drains is given the time; containers are locked; the encoders' files have
no secret but the address of Redis. Prints each thing that is wrong, and ends with 1 if there was one.
"""
import pathlib
import re
import sys

import yaml

ROOT = pathlib.Path(sys.argv[1])
wrong = []


def check(good, what):
    if not good:
        wrong.append(what)


def documents(path):
    return [d for d in yaml.safe_load_all(path.read_text()) if d is not None]


def seconds(text):
    number, unit = re.fullmatch(r"(\d+)(s|m)", text).groups()
    return int(number) * {"s": 1, "m": 60}[unit]


def variables(path):
    return {line.split("=")[0] for line in path.read_text().splitlines() if line and line[0] not in "#\n"}


ENCODER_MAY_KNOW = {"REDIS_URL", "REELYARD_WEB_TOKEN", "REELYARD_SANDBOX", "REELYARD_HTTP_PORT", "ENCODERS"}


def compose_service(name, service, whole):
    for key, place in (("volumes", "volumes"), ("networks", "networks")):
        for used in service.get(key, []):
            used = used.split(":")[0]
            check(used in whole[place], f"compose: {name} uses the {place[:-1]} {used}, which is not there")
    for other, how in service.get("depends_on", {}).items():
        check(other in whole["services"], f"compose: {name} waits for {other}, which is not there")
        image = whole["services"].get(other, {}).get("image", "")
        check(how["condition"] != "service_healthy" or "healthcheck" in whole["services"][other] or "reelyard" in image,
              f"compose: {name} waits for the health of {other}, which has no check")
    env_file = service.get("env_file")
    check(env_file is None or (ROOT / "compose" / (env_file + ".example")).exists(), f"compose: there is no {env_file}.example")
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    check({"cpus", "memory"} <= set(limits), f"compose: {name} has no limits")
    drain = service.get("environment", {}).get("REELYARD_DRAIN_SECONDS")
    if drain is not None:
        check(seconds(service["stop_grace_period"]) > int(drain), f"compose: {name} is stopped before its drain is over")
    if "reelyard" in service.get("image", ""):
        check(service.get("read_only") and service.get("cap_drop") == ["ALL"] and drain is not None, f"compose: {name} is not locked")
        for option in service["security_opt"]:
            kind, _, path = option.partition("=")
            check(kind != "seccomp" or (ROOT / "compose" / path).exists(), f"compose: {name}: there is no {path}")


def compose():
    whole = documents(ROOT / "compose/compose.yaml")[0]
    split = documents(ROOT / "compose/compose.split.yaml")[0]
    for name, service in split["services"].items():
        whole["services"].setdefault(name, {})
        for key, value in service.items():
            both = isinstance(value, dict) and isinstance(whole["services"][name].get(key), dict)
            whole["services"][name][key] = {**whole["services"][name][key], **value} if both else value
    for name, service in whole["services"].items():
        compose_service(name, service, whole)
    encoder = whole["services"]["encoder"]
    check(encoder["env_file"] == "encoder.env" and encoder["networks"] == ["inside"], "compose: the encoder knows or reaches more than Redis")
    check(variables(ROOT / "compose/encoder.env.example") <= ENCODER_MAY_KNOW, "compose: encoder.env.example has more than Redis")
    check(variables(ROOT / "systemd/encoder.env.example") <= ENCODER_MAY_KNOW, "systemd: encoder.env.example has more than Redis")
    redis = " ".join(whole["services"]["redis"]["command"])
    check("--maxmemory-policy noeviction" in redis and "--appendonly yes" in redis, "compose: Redis may lose jobs")


def deployment(item, drain):
    name = item["metadata"]["name"]
    template = item["spec"]["template"]
    labels = template["metadata"]["labels"].items()
    check(set(item["spec"]["selector"]["matchLabels"].items()) <= set(labels), f"{name}: its selector is not for its pods")
    pod = template["spec"]
    check(pod["terminationGracePeriodSeconds"] > drain, f"{name}: is killed before its drain is over")
    check(pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", f"{name}: pod not locked")
    volumes = {v["name"] for v in pod["volumes"]}
    for container in pod["containers"]:
        context = container["securityContext"]
        check(context["readOnlyRootFilesystem"] and context["capabilities"]["drop"] == ["ALL"] and not context["allowPrivilegeEscalation"],
              f"{name}: container not locked")
        check({m["name"] for m in container["volumeMounts"]} == volumes, f"{name}: volumes and mounts are not the same")
        ports = {p["name"] for p in container["ports"]}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            check(container[probe]["httpGet"]["port"] in ports and container[probe]["httpGet"]["path"] in ("/ping", "/ready"), f"{name}: {probe}")
        check("limits" in container["resources"] and "requests" in container["resources"], f"{name}: no limits")


def manifests():
    items, kustomizations = [], []
    for path in sorted((ROOT / "k8s").rglob("*.yaml")):
        for item in documents(path):
            check({"apiVersion", "kind"} <= set(item), f"{path}: no apiVersion or kind")
            if path.name == "kustomization.yaml":
                kustomizations.append((path, item))
            else:
                items.append(item)
    for path, item in kustomizations:
        for resource in item.get("resources", []):
            check((path.parent / resource).exists(), f"{path}: there is no {resource}")
    by_kind = {}
    for item in items:
        by_kind.setdefault(item["kind"], {})[item["metadata"]["name"]] = item
    drain = int(by_kind["ConfigMap"]["reelyard"]["data"]["REELYARD_DRAIN_SECONDS"])
    pods = [set(d["spec"]["template"]["metadata"]["labels"].items()) for d in by_kind["Deployment"].values()]
    for item in by_kind["Deployment"].values():
        deployment(item, drain)
        for container in item["spec"]["template"]["spec"]["containers"]:
            for source in container["envFrom"]:
                for key, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
                    check(key not in source or source[key]["name"] in by_kind[kind], f"{item['metadata']['name']}: {source}")
    for kind, place in (("Service", lambda s: s["selector"]), ("PodDisruptionBudget", lambda s: s["selector"]["matchLabels"])):
        for name, item in by_kind[kind].items():
            check(any(set(place(item["spec"]).items()) <= p for p in pods), f"{kind} {name} is for no pod")
    for name, item in by_kind["ScaledObject"].items():
        check(item["spec"]["scaleTargetRef"]["name"] in by_kind["Deployment"], f"ScaledObject {name} is for no deployment")
        check(item["spec"]["minReplicaCount"] >= 1, f"ScaledObject {name}: mail is put into a stream only while a node offers the role")
        for trigger in item["spec"]["triggers"]:
            check(trigger["authenticationRef"]["name"] in by_kind["TriggerAuthentication"], f"ScaledObject {name}: {trigger['authenticationRef']}")
            check(re.fullmatch(r"reelyard:mail:(encoder|writer)", trigger["metadata"]["stream"]), f"ScaledObject {name}: its stream")
    check(set(by_kind["Secret"]["reelyard-encoder"]["stringData"]) <= ENCODER_MAY_KNOW, "k8s: the encoders' secret has more than Redis")


compose()
manifests()
for path in sorted((ROOT / "prometheus").glob("*.yml")):
    documents(path)
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
