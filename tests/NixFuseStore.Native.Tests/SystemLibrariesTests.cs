using System.Reflection;
using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Tests;

public sealed class SystemLibrariesTests
{
    [Fact]
    public void EveryLibraryThatIsCalled_HasItsPackage()
    {
        const BindingFlags Any = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        var called = typeof(SystemLibraries).Assembly.GetTypes().SelectMany(type => type.GetMethods(Any))
            .Select(method => method.GetCustomAttribute<DllImportAttribute>()?.Value).OfType<string>().Where(library => library != "libc").ToHashSet();

        Assert.Contains("libzstd.so.1", called);
        Assert.All(called, library => Assert.NotNull(SystemLibraries.PackageOf(library)));
    }

    [Fact]
    public void Load_ALibraryThatIsNotThere_SaysSoInOneLine()
    {
        var error = Assert.Throws<DllNotFoundException>(() => SystemLibraries.Load("libnothing.so.7"));
        Assert.Contains("libnothing.so.7", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }
}
