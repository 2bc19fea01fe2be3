using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Linux;

/// <summary>Waking a thread out of a blocking system call.</summary>
public static unsafe partial class Libc
{
    // SIGRTMAX - 1. The runtime itself uses SIGRTMIN, and debuggers like the lowest ones too.
    private const int WakeSignal = 63;

    private static readonly Lock WakeGate = new();
    private static bool _wakeHandlerInstalled; // guarded by WakeGate

    /// <summary>The calling thread, for <see cref="WakeThread"/>. Means nothing once that thread has ended.</summary>
    public static nint CurrentThread => Raw.ThreadSelf();

    /// <summary>
    /// Makes the blocking system call that the thread is in, if it is in one, return EINTR. The caller sees to it that the
    /// thread lives, and repeats until the thread shows that it noticed: a signal just before the call has no effect.
    /// </summary>
    public static void WakeThread(nint thread)
    {
        InstallWakeHandler();
        var error = (Errno)Raw.SignalThread(thread, WakeSignal);
        if (error is not (Errno.None or Errno.ESRCH))
        {
            throw new LinuxException("pthread_kill", error);
        }
    }

    private static void InstallWakeHandler()
    {
        lock (WakeGate)
        {
            if (_wakeHandlerInstalled)
            {
                return;
            }

            // The handler must not be managed code, since it may run anywhere. abs(3) takes an int and does nothing.
            // No SA_RESTART: the call is meant to fail.
            var action = new SignalAction
            {
                Handler = NativeLibrary.GetExport(NativeLibrary.Load("libc.so.6"), "abs"),
            };
            if (Raw.SetSignalAction(WakeSignal, &action, null) != 0)
            {
                throw new LinuxException("sigaction", LastError);
            }

            _wakeHandlerInstalled = true;
        }
    }

    /// <summary>struct sigaction of the C library on 64-bit Linux: handler, mask of 128 bytes, flags, restorer.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct SignalAction
    {
        public nint Handler;
        public fixed ulong Mask[16];
        public int Flags;
        public nint Restorer;
    }

    private static partial class Raw
    {
        [LibraryImport(Library, EntryPoint = "pthread_self")]
        internal static partial nint ThreadSelf();

        [LibraryImport(Library, EntryPoint = "pthread_kill")]
        internal static partial int SignalThread(nint thread, int signal);

        [LibraryImport(Library, EntryPoint = "sigaction", SetLastError = true)]
        internal static partial int SetSignalAction(int signal, SignalAction* action, SignalAction* former);
    }
}
