using System.Reflection;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Tests.Samples;
using Xunit;

namespace NixFuseStore.Server.Tests.Services;

/// <content>Texts that no database takes, in every place where a request has a text.</content>
public abstract partial class StoreRpcTests
{
    [Theory]
    [InlineData("\0")]
    [InlineData("a\0b")]
    [InlineData("\uffff")]
    [InlineData("00000000000000000000000000000000-\0")]
    public async Task AnyText_NoDatabaseTakes_IsNoInternalError(string text)
    {
        var asked = 0;
        foreach (var method in typeof(StoreClient).GetMethods().Where(method => method.DeclaringType == typeof(StoreClient) && IsCall(method)))
        {
            var type = method.GetParameters()[0].ParameterType;
            foreach (var path in TextFields(((IMessage)Activator.CreateInstance(type)!).Descriptor))
            {
                var request = (IMessage)Activator.CreateInstance(type)!;
                if (request.Descriptor.FindFieldByName("store") is { } store)
                {
                    store.Accessor.SetValue(request, "main");
                }

                Set(request, path, text);
                asked++;
                try
                {
                    await CallAsync(method, request);
                }
                catch (RpcException e)
                {
                    Assert.True(e.StatusCode != StatusCode.Internal, $"{method.Name}: {string.Join('.', path.Select(field => field.Name))}: {e.Message}");
                }
            }
        }

        Assert.True(asked > 30, $"{asked} texts");
        Assert.DoesNotContain("failed", _server.Log, StringComparison.Ordinal);
    }

    private static bool IsCall(MethodInfo method) =>
        method.GetParameters() is [var request, ..] && typeof(IMessage).IsAssignableFrom(request.ParameterType);

    private static IEnumerable<FieldDescriptor[]> TextFields(MessageDescriptor message)
    {
        foreach (var field in message.Fields.InDeclarationOrder())
        {
            if (field.FieldType == FieldType.String)
            {
                yield return [field];
            }
            else if (field.FieldType == FieldType.Message)
            {
                foreach (var inner in TextFields(field.MessageType))
                {
                    yield return [field, .. inner];
                }
            }
        }
    }

    private static void Set(IMessage message, ReadOnlySpan<FieldDescriptor> path, string text)
    {
        var field = path[0];
        object value = text;
        if (path.Length > 1)
        {
            var inner = (IMessage)Activator.CreateInstance(field.MessageType.ClrType)!;
            Set(inner, path[1..], text);
            value = inner;
        }

        if (field.IsRepeated)
        {
            ((System.Collections.IList)field.Accessor.GetValue(message)).Add(value);
        }
        else
        {
            field.Accessor.SetValue(message, value);
        }
    }

    private async Task CallAsync(MethodInfo method, IMessage request)
    {
        var arguments = method.GetParameters().Select(parameter =>
            parameter.Position == 0 ? request : parameter.ParameterType == typeof(CancellationToken) ? (object)TestServer.Cancellation : null).ToArray();
        var result = method.Invoke(_server.Client, arguments)!;
        if (result is Task task)
        {
            await task;
            return;
        }

        var first = typeof(StoreRpcTests).GetMethod(nameof(TakeFirstAsync), BindingFlags.NonPublic | BindingFlags.Static)!;
        await (Task)first.MakeGenericMethod(result.GetType().GetInterfaces()
            .Single(type => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IAsyncEnumerable<>)).GetGenericArguments()).Invoke(null, [result])!;
    }

    private static async Task TakeFirstAsync<T>(IAsyncEnumerable<T> messages)
    {
        await foreach (var message in messages)
        {
            return;
        }
    }
}
