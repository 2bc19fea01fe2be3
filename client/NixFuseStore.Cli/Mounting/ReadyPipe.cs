using System.Text;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Cli.Mounting;

/// <summary>
/// What the process in the background tells the one that the user started, in lines:
/// <code>
/// note TEXT            shown, and waiting goes on
/// ready                the mount is usable
/// failed STATUS TEXT   it is not
/// </code>
/// The pipe's end without one of the last two means that the process died.
/// </summary>
internal static class ReadyPipe
{
    public const string NoteWord = "note ";
    public const string ReadyWord = "ready";
    public const string FailedWord = "failed ";

    /// <summary>The writing end, as a process started by another finds it.</summary>
    public static StreamWriter OpenInherited()
    {
        var stream = new FileStream(new SafeFileHandle(Libc.InheritedDescriptor, ownsHandle: true), FileAccess.Write, bufferSize: 0);
        return new StreamWriter(stream, new UTF8Encoding(false)) { AutoFlush = true };
    }
}
