"""What a log of SARIF 2.1.0 must be: by its JSON schema where the environment variable HR_SARIF_SCHEMA names it
(scripts/test-ci.sh), and by the sections of the specification that a schema cannot express."""
import json
import os
import pathlib
import re

import jsonschema

# RFC 3986, 4.1, for what can be in a reference to a file; a colon in the first segment would begin a scheme.
URI_REFERENCE = re.compile(r"(file://)?(?:[A-Za-z0-9._~!$&'()*+,;=@/-]|%[0-9A-F]{2})+")
KEYS = {  # the properties of each object that the program writes: the required ones, and others
    "log": ({"version", "runs"}, {"$schema"}),
    "run": ({"tool"}, {"invocations", "columnKind", "results"}),
    "driver": ({"name"}, {"version", "rules"}),
    "rule": ({"id"}, {"shortDescription", "help"}),
    "invocation": ({"executionSuccessful"}, {"toolExecutionNotifications"}),
    "notification": ({"message"}, {"descriptor", "level"}),
    "result": ({"message"}, {"ruleId", "ruleIndex", "level", "locations"}),
    "physicalLocation": ({"artifactLocation"}, {"region"}),
    "region": (set(), {"startLine", "startColumn"}),
}


def has_keys(kind, item):
    required, others = KEYS[kind]
    assert required <= set(item) <= required | others, (kind, item)


def is_sentence(text):
    assert isinstance(text, str) and text.endswith(".") and "`" not in text, text


def check_rules(rules):
    for rule in rules:
        has_keys("rule", rule)
        is_sentence(rule["shortDescription"]["text"])
        is_sentence(rule["help"]["text"])
    names = [rule["id"] for rule in rules]
    assert len(names) == len(set(names))  # 3.19.23
    return names


def check_result(result, names):
    has_keys("result", result)
    assert names[result["ruleIndex"]] == result["ruleId"]  # 3.27.6
    assert result["level"] in ("error", "warning", "note") and result["message"]["text"]
    [location] = result["locations"]
    assert set(location) <= {"physicalLocation", "logicalLocations"}
    physical = location["physicalLocation"]
    has_keys("physicalLocation", physical)
    assert URI_REFERENCE.fullmatch(physical["artifactLocation"]["uri"]), physical
    region = physical.get("region", {})
    has_keys("region", region)
    assert all(isinstance(number, int) and number > 0 for number in region.values()), region  # 3.30.5, 3.30.6


def check(text):
    """The one run of a log."""
    log = json.loads(text)
    if "HR_SARIF_SCHEMA" in os.environ:
        schema = json.loads(pathlib.Path(os.environ["HR_SARIF_SCHEMA"]).read_text())
        assert "SARIF" in schema["title"] and "2.1.0" in schema["title"]
        jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker()).validate(log)
    has_keys("log", log)
    assert log["version"] == "2.1.0"
    [run] = log["runs"]
    has_keys("run", run)
    assert run["columnKind"] == "unicodeCodePoints"
    has_keys("driver", run["tool"]["driver"])
    names = check_rules(run["tool"]["driver"]["rules"])
    [invocation] = run["invocations"]
    has_keys("invocation", invocation)
    notifications = invocation.get("toolExecutionNotifications", [])
    for notification in notifications:
        has_keys("notification", notification)
        assert names[notification["descriptor"]["index"]] == notification["descriptor"]["id"]
    assert invocation["executionSuccessful"] == all(n["level"] != "error" for n in notifications)  # 3.20.14
    for result in run["results"]:
        check_result(result, names)
    return run
