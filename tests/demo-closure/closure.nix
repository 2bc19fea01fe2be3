# One derivation for each group of packages in the plan that plan.py made.
{ plan, salt ? "" }:
let
  inherit (builtins.fromJSON (builtins.readFile plan)) top groups;
  paths = builtins.mapAttrs (label: group: derivation {
    inherit (group) name;
    inherit salt;
    system = builtins.currentSystem;
    builder = "/usr/bin/python3";
    args = [ "-I" "-B" ./build.py ];
    debs = map (deb: builtins.path { inherit (deb) name path; }) group.debs;
    dependencies = map (name: paths.${name}) group.dependencies;
  }) groups;
in
{ top = map (label: paths.${label}) top; }
