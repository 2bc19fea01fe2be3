using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Native.Linux;
using NixFuseStore.Supervisor;
using NixFuseStore.Supervisor.Messages;

namespace NixFuseStore.Cli.Mounting;

/// <summary>The process that supervises a mount: in the foreground the one that the user started, else one that a launcher waits for.</summary>
internal static class SupervisorEntry
{
    public static int Run(string[] args)
    {
        var isAdopting = Array.IndexOf(args, MountArguments.AdoptFlag) >= 0;
        var isDetached = Array.IndexOf(args, MountArguments.DetachedFlag) >= 0;
        using var word = isDetached && !isAdopting ? ReadyPipe.OpenInherited() : null;
        var absoluteArgs = MountArguments.WithAbsolutePaths(args);
        var running = absoluteArgs;
        var log = new MountLog();

        // The first worker is where the user is, and speaks of paths as the user does.
        var start = Starter(args, MountArguments.WorkerFlag);
        using var supervisor = new MountSupervisor(new SupervisorOptions
        {
            StartWorker = (SafeHandle channel, out int process) => start(channel, out process),
            StartOther = program => StarterOf(program, running),
            Become = Become,
            Note = Note,
            Ready = Ready,
            Failed = Fail,
            Log = log.Write,
        });
        List<PosixSignalRegistration> signals = [];
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGHUP])
        {
            signals.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                // The terminal's end is no reason to end for a process that has left it.
                if (context.Signal != PosixSignal.SIGHUP || !isDetached)
                {
                    supervisor.Stop();
                }
            }));
        }

        try
        {
            return isAdopting ? supervisor.Adopt(Libc.TakeInherited()) : supervisor.Run();
        }
#pragma warning disable CA1031 // the end of the line for every failure: whatever it is, the user gets one line
        catch (Exception e)
#pragma warning restore CA1031
        {
            // The worker goes on, and starts another supervisor.
            log.Write($"supervising the mount failed: {ErrorLine.Describe(e)}");
            return ExitStatus.Failed;
        }
        finally
        {
            signals.ForEach(static signal => signal.Dispose());
            log.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }

        void Note(string text) => Tell(ReadyPipe.NoteWord + text, text);

        void Ready(KeptMount mount)
        {
            running = MountArguments.WithArguments(absoluteArgs, mount.Arguments);
            start = Starter(running, MountArguments.WorkerFlag);
            Environment.CurrentDirectory = "/";
            if (isDetached)
            {
                // The terminal is the launcher's, and so is whatever reads what this process writes.
                Libc.StartSession();
                log.MoveTo(mount.Log!);
            }

            if (word is not null)
            {
                Tell(ReadyPipe.ReadyWord, "");
                word.Dispose();
            }
        }

        void Fail(int status, string text) => Tell($"{ReadyPipe.FailedWord}{status} {text}", text);

        void Become(string program, SafeHandle channel)
        {
            var error = Libc.Execute(program, OwnProgram.Arguments(MountArguments.WithoutProcess(running), MountArguments.AdoptFlag), channel);
            log.Write($"the supervisor cannot become {program}: {LinuxException.Describe(error)}");
            log.DisposeAsync().AsTask().GetAwaiter().GetResult();
            Environment.Exit(ExitStatus.Failed);
        }

        // To the launcher, who may have gone, or to the user.
        void Tell(string line, string text)
        {
            try
            {
                if (word is null)
                {
                    Console.Error.WriteLine("nixfuse: " + text);
                }
                else
                {
                    word.WriteLine(line);
                }
            }
            catch (IOException)
            {
                // The launcher has gone; the mount is there all the same.
            }
        }
    }

    /// <summary>Starts this program as another process of the same mount.</summary>
    /// <param name="args">The command line of one of the mount's processes.</param>
    /// <param name="flag">Which process it is to be.</param>
    internal static WorkerStarter Starter(string[] args, string flag) => (SafeHandle channel, out int process) =>
    {
        using var standardError = new SafeFileHandle(2, ownsHandle: false);
        var (program, arguments) = OwnProgram.With(MountArguments.WithoutProcess(args), flag);
        return Libc.Spawn(program, [.. arguments], variable: null, inherited: channel, errors: standardError, out process);
    };

    private static WorkerStarter StarterOf(string program, string[] args) => (SafeHandle channel, out int process) =>
    {
        using var standardError = new SafeFileHandle(2, ownsHandle: false);
        return Libc.Spawn(
            program, OwnProgram.Arguments(MountArguments.WithoutProcess(args), MountArguments.WorkerFlag), variable: null, inherited: channel, errors: standardError, out process);
    };
}
