using NixFuseStore.Cache.Tests.Recovery;
using Xunit.MicrosoftTestingPlatform;
using Xunit.Runner.InProc.SystemConsole;

namespace NixFuseStore.Cache.Tests;

/// <summary>Runs the tests; with a special first argument, plays the process that gets killed in one of them.</summary>
public static class Program
{
    public static async Task<int> Main(string[] args)
    {
        if (args is [KilledWriter.Argument, var directory])
        {
            await KilledWriter.RunAsync(directory);
            return 0;
        }

        // As the entry point does that xunit generates otherwise.
        return args.Any(argument => argument is "--server" or "--internal-msbuild-node")
            ? await TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions)
            : await ConsoleRunner.Run(args);
    }
}
