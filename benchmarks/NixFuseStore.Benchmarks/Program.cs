using System.Globalization;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using NixFuseStore.Benchmarks;
using NixFuseStore.Benchmarks.ChunkSizes;

return args switch
{
    ["chunk-sizes", var store, var rebuilt, var pages] => Run(() => ChunkSizeStudy.RunSizes(store, rebuilt, pages)),
    ["chunk-levels", var store, var pages] => Run(() => ChunkSizeStudy.RunLevels(store, pages)),
    ["check-store", var store] => Run(() => StoreCheck.Run(store)),
    ["cache", var directory] => Run(() => CacheBenchmark.RunAsync(directory).GetAwaiter().GetResult()),
    ["calls", var server, var callers, var seconds] => Run(() => CallBenchmark.RunAsync(
        server,
        int.Parse(callers, CultureInfo.InvariantCulture),
        TimeSpan.FromSeconds(int.Parse(seconds, CultureInfo.InvariantCulture))).GetAwaiter().GetResult()),
    ["sign", var server, var perSecond, var seconds] => Run(() => SigningLoad.RunAsync(
        server,
        int.Parse(perSecond, CultureInfo.InvariantCulture),
        TimeSpan.FromSeconds(int.Parse(seconds, CultureInfo.InvariantCulture))).GetAwaiter().GetResult()),
    ["register", var server, var callers, var each, var paths] => Run(() => RegistrationBenchmark.RunAsync(
        server,
        int.Parse(callers, CultureInfo.InvariantCulture),
        int.Parse(each, CultureInfo.InvariantCulture),
        int.Parse(paths, CultureInfo.InvariantCulture)).GetAwaiter().GetResult()),
    [] or ["--help"] => Usage(),
    _ => Run(() => BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args, Quick())),
};

// In this process, because the generated projects of the default toolchain know nothing of central package versions; short runs,
// because these benchmarks answer "how many times", not "how many percent".
static IConfig Quick() => DefaultConfig.Instance.AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));

static int Run(Action action)
{
    action();
    return 0;
}

static int Usage()
{
    Console.WriteLine(
        """
        NixFuseStore.Benchmarks --filter '*'                     the micro benchmarks (BenchmarkDotNet's options)
        NixFuseStore.Benchmarks chunk-sizes STORE REBUILT PAGES  compares chunk sizes on a real store and its mass rebuild
        NixFuseStore.Benchmarks chunk-levels STORE PAGES         compares zstd levels with the sizes in force
        NixFuseStore.Benchmarks check-store STORE                proves that every path of a store is reversible
        NixFuseStore.Benchmarks cache DIRECTORY                  times the chunk cache in a new folder of DIRECTORY
        NixFuseStore.Benchmarks register SERVER CALLERS EACH PATHS
                                                                 times a running server: PATHS tiny paths, EACH a call, CALLERS calls at once
        NixFuseStore.Benchmarks calls SERVER CALLERS SECONDS     times small calls of a running server, CALLERS at once, and listings
        NixFuseStore.Benchmarks sign SERVER RATE SECONDS         adds signatures to paths of a running server, RATE a second
            STORE and REBUILT are store roots (STORE/nix/store), PAGES is a folder made by ChunkSizes/touched-pages.py
        """);
    return 2;
}
