// What the log-in page says, before any catalogue of words could be had.
export const WORDS = {
  en: {
    noName: "Type your name.",
    noPassword: "Type your password.",
    wrong: "The name or the password is wrong.",
    wait: "Too many wrong passwords. Try again in {seconds} seconds.",
    failed: "The log-in did not work (status {status}). Try again in a moment.",
    copies:
      "You are logged out in this browser. A copy of that login, if someone made one, stays valid until {time}.",
    unreachable: "Mooring's gateway does not answer. Check the network, then try again.",
  },
  "zh-CN": {
    noName: "请输入用户名。",
    noPassword: "请输入密码。",
    wrong: "用户名或密码不正确。",
    wait: "密码错误次数过多。请在 {seconds} 秒后重试。",
    failed: "登录未成功（状态码 {status}）。请稍后重试。",
    copies: "您已在此浏览器中退出登录。如果有人复制过该登录凭据，副本在 {time} 之前仍然有效。",
    unreachable: "Mooring 网关没有响应。请检查网络后重试。",
  },
};
