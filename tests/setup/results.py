"""Reads one test project's result file (xUnit.net XML): prints the failed and skipped tests with their reasons,
then, as the last line, "PASSED FAILED SKIPPED".

usage: results.py FILE.xml
"""
import sys
import xml.etree.ElementTree as xml


def text(node, path):
    found = node.find(path)
    return (found.text or "").strip() if found is not None else ""


def main():
    passed = failed = skipped = 0
    for assembly in xml.parse(sys.argv[1]).getroot().iter("assembly"):
        passed += int(assembly.get("passed"))
        failed += int(assembly.get("failed")) + int(assembly.get("errors"))
        skipped += int(assembly.get("skipped")) + int(assembly.get("not-run"))
        for error in assembly.iter("error"):
            print(f"   ERROR {error.get('name')}: {text(error, 'failure/message')}")
        for test in assembly.iter("test"):
            if test.get("result") == "Fail":
                print(f"   FAILED {test.get('name')}")
                for line in (text(test, "failure/message") + "\n" + text(test, "failure/stack-trace")).splitlines()[:12]:
                    print(f"      {line}")
            elif test.get("result") in ("Skip", "NotRun"):
                print(f"   SKIPPED {test.get('name')}: {text(test, 'reason')}")
    print(passed, failed, skipped)


main()
