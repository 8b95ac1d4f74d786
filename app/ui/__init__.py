"""What the person sees: state, views, words and actions. Nothing here touches the DOM."""
