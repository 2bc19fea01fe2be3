using NixFuseStore.Native.Linux;
using NixFuseStore.Server.Commands;

Libc.MakeNewFilesPrivate();
return await CommandRunner.RunAsync(args, Console.Out, Console.Error).ConfigureAwait(false);
