// Whole systems share the machine's disk, caches and mounts; one at a time keeps their timing honest.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]
