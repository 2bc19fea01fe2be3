using System.Runtime.InteropServices;

namespace NixFuseStore.Cli.Tests.LocalSockets;

/// <summary>Runs code as a user who is not root: Linux keeps user ids by thread, and only the C library keeps threads in step.</summary>
internal static partial class OtherUser
{
    public const uint Id = 65534;

    private const long SetGroups = 116, SetUserIds = 117, SetGroupIds = 119; // setgroups, setresuid, setresgid on x86-64

    /// <summary>Skips the test where the tests run as an ordinary user, who can be no other.</summary>
    public static void Require() => Assert.SkipUnless(Environment.UserName == "root" && RuntimeInformation.ProcessArchitecture == Architecture.X64, "needs root on x86-64");

    /// <summary>Runs code on a thread of its own that is this user's, to its end.</summary>
    public static T Run<T>(Func<T> work)
    {
        T result = default!;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                Assert.Equal(0, SystemCall(SetGroups, 0, 0, 0));
                Assert.Equal(0, SystemCall(SetGroupIds, (nint)Id, (nint)Id, (nint)Id));
                Assert.Equal(0, SystemCall(SetUserIds, (nint)Id, (nint)Id, (nint)Id));
                result = work();
            }
#pragma warning disable CA1031 // handed to the test's thread
            catch (Exception e)
#pragma warning restore CA1031
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        return failure is null ? result : throw new InvalidOperationException(failure.Message, failure);
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long SystemCall(long number, nint first, nint second, nint third);
}
